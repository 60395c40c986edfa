/**
 * The planted bugs. Each is a change to compiled code: `find` stands exactly once in the declaration that is called `at` (see
 * ../anchors.js) and becomes `replace`.
 * `scenario` is where it is looked for, one of the simulator's or `random-schedules` (see ../plant.js); a bug that breaks
 * 'safety' must be caught by a check of what clients or replicas saw, one that breaks 'liveness' by a check of time. `hard`,
 * of one that is not caught yet: what would have to coincide. `turnUsMax`: the longest turn in its runs, microseconds, where that
 * is not to be left to the seed.
 */
import { boundBugs } from './bounds.js';
import { deadlineBugs } from './deadlines.js';
import { electionBugs } from './elections.js';
import { labBugs } from './lab.js';
import { limitBugs } from './limits.js';
import { protocolBugs } from './protocol.js';
import { routingBugs } from './routing.js';
import { sessionBugs } from './sessions.js';
import { storageBugs } from './storage.js';
import { turnBugs } from './turns.js';

export const bugs = [
  ...protocolBugs,
  ...electionBugs,
  ...storageBugs,
  ...sessionBugs,
  ...routingBugs,
  ...deadlineBugs,
  ...turnBugs,
  ...limitBugs,
  ...boundBugs,
  ...labBugs,
];
