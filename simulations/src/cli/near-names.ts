/**
 * What somebody who mistyped a name may have meant.
 */

const SHOWN_MAX = 3;

/** The names that begin with the word or are a few letters away from it, the nearest first. */
export function nearNames(word: string, names: readonly string[]): string[] {
  if (word === '') return [];
  const typed = word.toLowerCase();
  const lettersMax = Math.max(2, Math.floor(typed.length / 3));
  return names
    .map((name) => ({ name, distance: name.startsWith(typed) ? 0 : lettersApart(typed, name) }))
    .filter(({ distance }) => distance <= lettersMax)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, SHOWN_MAX)
    .map(({ name }) => name);
}

/** Letters to insert, leave out or replace (Levenshtein), row by row. */
function lettersApart(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
