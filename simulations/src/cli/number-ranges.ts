/**
 * Sets of whole numbers as people type them: `0-4,6,9-30`.
 */

const LARGEST = 10_000_000;

/** The numbers of a list, ascending, each once; undefined if it is not such a list. */
export function parseRanges(text: string): number[] | undefined {
  const numbers = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first || last > LARGEST) return undefined;
    for (let number = first; number <= last; number += 1) numbers.add(number);
  }
  return ascending(numbers);
}

export function formatRanges(numbers: Iterable<number>): string {
  const ranges: [first: number, last: number][] = [];
  for (const number of ascending(new Set(numbers))) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === number - 1) range[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

function ascending(numbers: Iterable<number>): number[] {
  return [...numbers].sort((a, b) => a - b);
}
