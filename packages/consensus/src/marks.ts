/**
 * The coverage marks of this package.
 */
import { declareMarks } from '@kvorum/common';

export const mark = declareMarks('consensus', [
  'accept-gap',
  'accept-sync-in-parts',
  'accept-sync-repeated',
  'adopted-other-log',
  'late-heartbeat',
  'left-behind-member',
  'left-behind-round',
  'log-cut',
  'persist-of-earlier-round',
  'prepare-repeated',
  'promise-after-majority',
  'promise-in-parts',
  'promised-by-snapshot',
  'read-round-repeated',
  'reads-refused-without-quorum',
  'reads-wait-for-inherited',
  'recovering',
  'replicate-below-log',
  'replicate-stalled',
  'snapshot-needed-by-leader',
  'snapshot-offered',
  'stalled-disk',
  'yielded-to-unseen-leader',
]);
