/**
 * What an acceptance suite is: a list of named cases that throw when the adapter fails one. They assert with node:assert, so
 * that every test runner can run them: `for (const { name, run } of suite(open)) it(name, run)`.
 */

export interface AcceptanceCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** An adapter under test, as the suite of its port drives it. */
export interface Opened<Port> {
  /** Another object after `reopen`. */
  readonly port: Port;
  /** Calls `start` and comes back once the `done` that it was given was called. */
  until(start: (done: () => void) => void): Promise<void>;
  close(): Promise<void>;
}

/** An adapter that keeps something. */
export interface OpenedStorage<Port> extends Opened<Port> {
  /** Closes it and opens it again on what it has on disk. */
  reopen(): Promise<void>;
}

export type Open<Rig> = () => Rig | Promise<Rig>;

/** A way to write down cases: each has an adapter of its own, which is closed whatever comes of it. */
export function casesOf<Rig extends { close(): Promise<void> }>(
  open: Open<Rig>,
): { readonly cases: AcceptanceCase[]; readonly add: (name: string, run: (rig: Rig) => void | Promise<void>) => void } {
  const cases: AcceptanceCase[] = [];
  const add = (name: string, test: (rig: Rig) => void | Promise<void>): void => {
    const run = async (): Promise<void> => {
      const rig = await open();
      try {
        await test(rig);
      } finally {
        await rig.close();
      }
    };
    cases.push({ name, run });
  };
  return { cases, add };
}

/** For adapters that call back by themselves. */
export function untilCalled(start: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => start(resolve));
}
