/** Adapters in memory, as the suites drive them. */
import type { Settings } from '@kvorum/common';
import type { Commits, MemoryNetwork, OpenedStorage, OpenedTransports } from '../src/index.ts';

/** Commits are done when somebody waits for one; what the adapter has is what it has on disk. */
export function opened<Port extends { readonly commits: Commits }>(port: Port): OpenedStorage<Port> {
  return {
    port,
    until: (start) => {
      let isDone = false;
      start(() => (isDone = true));
      while (!isDone) port.commits.finish();
      return Promise.resolve();
    },
    reopen: () => Promise.resolve(port.commits.lose()),
    close: () => Promise.resolve(),
  };
}

/** Time passes while somebody waits. */
export function openedNetwork(create: (settings?: Settings) => MemoryNetwork): OpenedTransports {
  let network = create();
  return {
    start: (count, settings) => {
      network = create(settings);
      const ends = Array.from({ length: count }, (_, place) => ({
        transport: network.transport(),
        address: { host: 'memory', port: place + 1 },
        backlogBytes: (to: number) => network.link(place + 1, to).backlogBytes,
        dropped: (to: number) => network.link(place + 1, to).dropped,
      }));
      return Promise.resolve(ends);
    },
    until: (condition) => {
      for (let turns = 0; turns < 8000; turns += 1) {
        if (condition()) return Promise.resolve();
        network.deliver();
      }
      return Promise.reject(new Error('it did not happen'));
    },
    nowMs: () => network.nowMs,
    silence: (from, to) => {
      network.link(from, to).silent = true;
    },
    standStill: (node) => network.standStill(node),
    goOn: (node) => network.goOn(node),
    close: () => Promise.resolve(),
  };
}
