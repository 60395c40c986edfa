/**
 * Waits for a condition; fails with what it saw last when the deadline passes.
 */
const DEADLINE_MS = 10_000;

export async function until(condition: () => boolean, describe: () => string = () => ''): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!condition()) {
    if (performance.now() > deadline)
      throw new Error(`it did not happen in time: ${condition.toString()} ${describe()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
