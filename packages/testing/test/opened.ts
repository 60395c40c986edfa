/** Adapters in memory, as the suites drive them. */
import type { Commits, OpenedStorage } from '../src/index.ts';

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
