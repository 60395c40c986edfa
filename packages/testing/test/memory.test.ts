/** The in-memory adapters pass the suites of their ports. */
import type { AcceptanceCase } from '../src/index.ts';
import {
  appliedStateStorageSuite,
  clockSuite,
  countingRandom,
  ManualClock,
  MemoryLogStorage,
  MemoryNetwork,
  MemoryNodeRecords,
  MemoryStateStorage,
  nodeRecordsSuite,
  peerTransportSuite,
  randomSuite,
  replicatedLogStorageSuite,
} from '../src/index.ts';
import { describe, it } from 'vitest';
import { opened, openedNetwork } from './opened.ts';

function runAll(name: string, cases: readonly AcceptanceCase[]): void {
  describe(name, () => {
    for (const { name: title, run } of cases) it(title, run);
  });
}

runAll(
  'replicated log storage in memory',
  replicatedLogStorageSuite(() => {
    const port = new MemoryLogStorage();
    const rewrite = (change: (record: Uint8Array) => Uint8Array): Promise<void> =>
      Promise.resolve(port.rewrite(change));
    return { ...opened(port), rewrite };
  }),
);

runAll(
  'applied state storage in memory',
  appliedStateStorageSuite(() => opened(new MemoryStateStorage())),
);

runAll(
  'node records in memory',
  nodeRecordsSuite(() => opened(new MemoryNodeRecords())),
);

runAll(
  'the manual clock',
  clockSuite(() => {
    const port = new ManualClock();
    const until = (start: (done: () => void) => void): Promise<void> => {
      let isDone = false;
      start(() => (isDone = true));
      for (let ms = 0; ms < 1000 && !isDone; ms += 1) port.advance(1);
      return isDone ? Promise.resolve() : Promise.reject(new Error('it was never called'));
    };
    return { port, until, close: () => Promise.resolve() };
  }),
);

runAll(
  'counting random',
  randomSuite(() => countingRandom()),
);

runAll(
  'peer transport in memory',
  peerTransportSuite(() => openedNetwork((settings) => new MemoryNetwork(settings))),
);
