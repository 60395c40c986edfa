import type { Scenario } from '../run/run.ts';
import { aimed } from './aimed.ts';
import { formation, littleUnflushed, steadyLoad } from './calm.ts';
import { chaos } from './chaos.ts';
import {
  followerCrash,
  leaderCrash,
  majorityLoss,
  restartOfAll,
  rollingRestart,
  snapshotCatchUp,
  stalledDisk,
} from './crashes.ts';
import { limits } from './limits.ts';
import { exactlyOnce, lossAndDuplication } from './messages.ts';
import { partialPartitions, symmetricPartition } from './partitions.ts';
import { power } from './power.ts';
import { routing } from './routing.ts';
import { fullBacklog, overload, singleFaults, slowReader } from './single-faults.ts';

export const scenarios: readonly Scenario[] = [
  formation,
  steadyLoad,
  littleUnflushed,
  leaderCrash,
  followerCrash,
  snapshotCatchUp,
  rollingRestart,
  restartOfAll,
  majorityLoss,
  stalledDisk,
  symmetricPartition,
  ...partialPartitions,
  lossAndDuplication,
  exactlyOnce,
  ...singleFaults,
  overload,
  slowReader,
  fullBacklog,
  ...routing,
  ...aimed,
  ...power,
  ...chaos,
  limits,
];
