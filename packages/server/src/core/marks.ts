/**
 * The coverage marks of the node.
 */
import { declareMarks } from '@kvorum/common';

export const mark = declareMarks('server', [
  'busy',
  'forward-given-up',
  'forwarded-to-earlier-incarnation',
  'forwarded-twice',
  'layout-moved',
  'pending-given-up',
  'session-evicted',
  'session-expired',
  'session-reply-repeated',
  'session-stale',
  'session-window-full',
  'slow-reader-closed',
  'snapshot-cancelled',
  'snapshot-given-up',
  'installed-record-at-start',
  'stood-still',
]);
