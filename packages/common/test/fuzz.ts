/** Tests in rounds of fuzzed frames. */
import { setImmediate } from 'node:timers/promises';
import { Noise, survives } from '@kvorum/testing';
import { afterAll, it } from 'vitest';

export { Noise, survives };

/** A round of all `fuzz` tests together is a million frames. */
function roundsWanted(): number {
  const wanted = process.env['FUZZ_MILLIONS'] ?? '1';
  if (/^[1-9]\d{0,3}$/.test(wanted)) return Number(wanted);
  throw new Error(`FUZZ_MILLIONS must be a whole number from 1 to 9999, not "${wanted}"`);
}

/** A test in rounds, each with noise of its own; tells in the end how many frames its decoders were given. */
export function fuzz(title: string, seed: number, test: (noise: Noise, decodes: typeof survives) => void): void {
  const rounds = roundsWanted();
  let frames = 0;
  const decodes: typeof survives = (decode, bytes) => {
    frames += 1;
    return survives(decode, bytes);
  };
  it.each(Array.from({ length: rounds }, (_, i) => i + 1))(`${title}, round %i of ${rounds}`, async (round) => {
    test(new Noise(seed, round), decodes);
    // Vitest does not let the event loop turn between tests, and its messages would wait for the last round.
    await setImmediate();
  });
  afterAll(() => {
    process.stdout.write(`${frames.toLocaleString('en')} frames in all: ${title}\n`);
  });
}
