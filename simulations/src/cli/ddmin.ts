/**
 * Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002): the items without
 * which the failure is gone.
 */

/** The items must fail together. What is left fails, and stops failing if any single one of it is left out. */
export async function ddmin<T>(
  items: readonly T[],
  fails: (kept: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  if (items.length === 0 || (await fails([]))) return [];
  let kept = items;
  let parts = 2;
  while (kept.length > 1) {
    const chunks = split(kept, parts);
    const smaller = await firstFailing(candidates(kept, chunks), fails);
    if (smaller !== undefined) {
      // A chunk is split afresh; a complement goes on in pieces of the size it had.
      parts = chunks.includes(smaller) ? 2 : Math.max(parts - 1, 2);
      kept = smaller;
    } else if (parts < kept.length) {
      parts = Math.min(parts * 2, kept.length);
    } else {
      break;
    }
  }
  return kept;
}

function split<T>(items: readonly T[], parts: number): (readonly T[])[] {
  const at = (part: number): number => Math.floor((part * items.length) / parts);
  return Array.from({ length: parts }, (_, part) => items.slice(at(part), at(part + 1)));
}

/** Each chunk on its own, then all but one. With two chunks these are the same. */
function candidates<T>(items: readonly T[], chunks: readonly (readonly T[])[]): (readonly T[])[] {
  if (chunks.length === 2) return [...chunks];
  const complements = chunks.map((chunk) => items.filter((item) => !chunk.includes(item)));
  return [...chunks, ...complements];
}

async function firstFailing<T>(
  sets: readonly (readonly T[])[],
  fails: (kept: readonly T[]) => Promise<boolean>,
): Promise<readonly T[] | undefined> {
  for (const set of sets) if (await fails(set)) return set;
  return undefined;
}
