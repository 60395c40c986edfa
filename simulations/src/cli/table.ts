/**
 * Rows of text in columns.
 */

export type Alignment = 'left' | 'right';

/** Columns two spaces apart; the first row is the head. */
export function textTable(rows: readonly (readonly string[])[], alignments: readonly Alignment[]): string[] {
  return padded(rows, alignments).map((cells) => cells.join('  ').trimEnd());
}

/** In the form that the formatter of this project leaves alone. */
export function markdownTable(rows: readonly (readonly string[])[], alignments: readonly Alignment[]): string[] {
  const [head, ...body] = padded(rows, alignments, 3);
  if (head === undefined) return [];
  const rule = head.map((cell, i) =>
    alignments[i] === 'right' ? `${'-'.repeat(cell.length - 1)}:` : '-'.repeat(cell.length),
  );
  return [head, rule, ...body].map((cells) => `| ${cells.join(' | ')} |`);
}

function padded(rows: readonly (readonly string[])[], alignments: readonly Alignment[], widthMin = 0): string[][] {
  const widths = alignments.map((_, i) => Math.max(widthMin, ...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    widths.map((width, i) => {
      const cell = row[i] ?? '';
      return alignments[i] === 'right' ? cell.padStart(width) : cell.padEnd(width);
    }),
  );
}
