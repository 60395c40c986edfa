/** Branches as flags: `31250:77:timing,40000:5:all`. */
import type { Branch } from '../world/random-stream.ts';
import { randomParts } from '../world/random-stream.ts';

export function formatBranches(branches: readonly Branch[]): string {
  return branches.map(({ atMs, seed, part }) => `${atMs}:${seed}:${part}`).join(',');
}

/** Undefined if the text is something else. */
export function parseBranches(text: string): Branch[] | undefined {
  const branches = text.split(',').map((branch) => {
    const [, atMs, seed, name] = /^(\d{1,9}):(\d{1,10}):(\w+)$/.exec(branch) ?? [];
    const part = randomParts.find((known) => known === name);
    if (part === undefined || Number(seed) >= 2 ** 32) return undefined;
    return { atMs: Number(atMs), seed: Number(seed), part };
  });
  return branches.every((branch) => branch !== undefined) ? branches : undefined;
}
