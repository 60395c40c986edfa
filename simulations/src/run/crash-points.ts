/**
 * Crash points: one small run is repeated as often as it has points at which the power could go, and each time it does go
 * at another one, twice: with the commit that is under way on disk, and without it. Points are before and after every write
 * of the log, of the state and of a snapshot that is being installed, before and after every frame, and the end of every
 * turn, in which decided entries are applied. Between two points nothing happens that anyone else could see, so that these
 * are all there are, up to the healing at the end.
 */
import { decodeAll } from '@kvorum/common';
import { sequencePaxosCodec } from '@kvorum/consensus';
import { decodePeerFrame } from '@kvorum/server/core';
import type { Run, RunResult, Scenario } from './run.ts';
import { runScenario } from './run.ts';
import { processName } from '../world/process-name.ts';
import { PowerOff } from '../world/world.ts';

export interface CrashPoint {
  /** Its place among all points of the run. */
  readonly number: number;
  readonly process: number;
  /** What happens there, such as `log commit: written`. */
  readonly kind: string;
}

/** How long a node stays down. */
const DOWN_MS = 150;

/** The points of the run that this seed makes without a crash. */
export function crashPointsOf(seed: number): CrashPoint[] {
  const points: CrashPoint[] = [];
  const result = runScenario(
    smallRun((point) => (points.push(point), false)),
    { seed, seconds: 1 },
  );
  if (result.complaints.length > 0) throw new Error(`the run fails without a crash: ${result.complaints.join('; ')}`);
  return points;
}

/** The run with a crash at the point; `keeps` tells whether the commit under way then is on disk. */
export function crashAt(seed: number, number: number, keeps: boolean): RunResult {
  return runScenario(
    smallRun((point) => point.number === number, keeps),
    { seed, seconds: 1 },
  );
}

/** Formation, some writes, a follower that falls behind and is brought up by a snapshot, a change of leader. */
function smallRun(crashes: (point: CrashPoint) => boolean, keeps = true): Scenario {
  return {
    name: 'crash-points',
    summary: 'a small run with formation, a snapshot and a change of leader',
    nodes: 3,
    partitions: 1,
    seconds: 1,
    limits: () => ({ retainedEntriesMax: 4, snapshotChunkBytes: 60, messageEntryBytesMax: 100, entryCommandsMax: 2 }),
    run(run) {
      for (const process of run.world.processes) run.world.disk(process).keepsUnderWay = keeps;
      watch(run, crashes);
      run.world.startInOrder();
      run.require(
        run.world.runUntil(() => run.allHealthy(), 3000),
        'the cluster did not form',
      );
      run.startLoad({ clients: 3, keys: 1, counters: 1, pauseMs: [10, 50] });
      run.world.runFor(60);
      const leader = run.leaderOf(1);
      const away = (leader + 1) % 3;
      run.nemesis.crash(away);
      // Long enough for the state to be flushed and the log to be trimmed.
      run.world.runFor(500);
      run.world.start(away);
      run.world.runFor(150);
      run.nemesis.crash(run.leaderOf(1));
      run.world.runFor(250);
      run.heal();
      run.finish({ okShareMin: 0.1, okRateMin: 0 });
    },
  };
}

function watch(run: Run, crashes: (point: CrashPoint) => boolean): void {
  const { world } = run;
  let next = 0;
  world.onPoint = (process, what, frame) => {
    const kind = frame === undefined ? what : `${what} ${typesOf(frame)}`;
    const point = { number: next, process, kind };
    next += 1;
    if (!crashes(point)) return;
    world.note(`crash point ${point.number}: ${processName(process)}, ${kind}`);
    world.schedule.after(DOWN_MS * 1000, () => world.start(process));
    throw new PowerOff();
  };
}

/** Which messages a frame holds. */
function typesOf(frame: Uint8Array): string {
  const types = decodePeerFrame(frame).map((message) => {
    if (message.type !== 'replica') return message.type;
    return decodeAll(message.body, (reader) => sequencePaxosCodec.readMessage(reader)).type;
  });
  return [...new Set(types)].sort().join('+');
}
