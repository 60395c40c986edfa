/**
 * The Clock port on the process's own clocks.
 */
import type { Clock } from '@kvorum/common';

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  // After the poll phase: everything that the sockets had to say in this turn has been taken in.
  defer: (callback) => void setImmediate(callback),
};
