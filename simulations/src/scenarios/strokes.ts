/** One stroke after the other against the leader of the only group, under heavy load: what `aimed` and `power` share. */
import type { Run } from '../run/run.ts';
import type { WorkloadOptions } from '../workload/workload.ts';
import type { ProcessId } from '../world/network.ts';

export const GROUP = 1;

/** Inflicts faults, and lets them work for a while. */
export type Stroke = (run: Run, leader: ProcessId) => void;

export interface Strokes {
  readonly load: Partial<WorkloadOptions>;
  /** Before each stroke, milliseconds. */
  readonly quietMs: readonly [number, number];
  readonly strokes: readonly Stroke[];
  /** Of all calls, 0 to 1. */
  readonly okRateMin: number;
}

export function strikeAgainAndAgain(run: Run, { load, quietMs, strokes, okRateMin }: Strokes): void {
  const { world, random } = run;
  run.form();
  const timeoutMs = random.pick([300, 1000, 3000]);
  run.startLoad({ ...load, keys: 4, counters: 1, timeoutMs });
  const endMs = world.nowMs + run.durationMs;
  while (world.nowMs < endMs) {
    world.runFor(random.int(...quietMs));
    random.pick(strokes)(run, run.leaderOf(GROUP));
    // The next one meets a cluster that is whole.
    run.nemesis.heal();
  }
  run.heal();
  run.finish({ okShareMin: 0.29, okRateMin });
}

/** A follower is away until the log no longer reaches back to where it stopped, or the time is over. */
export function leaveBehind({ nemesis, world, random }: Run, leader: ProcessId, withinMs: number): ProcessId {
  const away = random.pick(world.processes.filter((process) => process !== leader));
  nemesis.crash(away);
  const length = world.node(leader)?.group(GROUP)?.log?.logLength ?? 0;
  const trimmed = (): boolean => (world.node(leader)?.group(GROUP)?.log?.compactedIndex ?? 0) > length;
  world.runUntil(trimmed, withinMs);
  return away;
}
