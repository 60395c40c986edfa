/**
 * Coverage marks: counters on branches that are rare and matter, so that a simulation can tell that it really went there. A
 * mark that no seed reaches names a fault or a load that is missing. In production they cost an addition each.
 *
 * Each package declares its own and gets the function that passes them.
 */

const counts = new Map<string, number>();

/** Declares the marks of a package; returns what notes that one was passed. A name belongs to one package. */
export function declareMarks<Name extends string>(owner: string, names: readonly Name[]): (name: Name) => void {
  for (const name of names) {
    if (counts.has(name)) throw new Error(`the coverage mark ${name} of ${owner} is declared already`);
    counts.set(name, 0);
  }
  return (name) => void counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** How often it was passed since `takeMarks`. */
export function marked(name: string): number {
  return counts.get(name) ?? 0;
}

/** How often each of those was passed that were, since `takeMarks`. */
export function marksPassed(): Readonly<Record<string, number>> {
  return Object.fromEntries([...counts].filter(([, passed]) => passed > 0));
}

/** How often each mark was passed since the last call. */
export function takeMarks(): Readonly<Record<string, number>> {
  const taken = Object.fromEntries(counts);
  for (const name of counts.keys()) counts.set(name, 0);
  return taken;
}
