/**
 * Waiting for conditions of other processes: always for something, and never beyond a deadline.
 */
const POLL_MS = 20;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks until there is a value other than undefined and false. A check that throws counts as "not yet". */
export async function until<T>(
  what: string,
  timeoutMs: number,
  check: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  let last = 'nothing';
  for (;;) {
    try {
      const found = await check();
      if (found !== undefined && found !== false) return found;
      last = 'nothing';
    } catch (error) {
      last = String(error);
    }
    if (performance.now() >= deadlineMs) throw new Error(`no ${what} within ${timeoutMs} ms; last seen: ${last}`);
    await pause(POLL_MS);
  }
}

/** The promise's value, or an error that says what did not come in time. */
export async function within<T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
