/** Settings that contradict each other are refused by name; what simulations shrink them to is not. */
import { describe, expect, it } from 'vitest';
import { checkSettings, defaultSettings, InvalidSettings, settingsWith } from '../src/index.ts';

function problem(changes: Parameters<typeof settingsWith>[0]): InvalidSettings {
  try {
    settingsWith(changes);
  } catch (error) {
    if (error instanceof InvalidSettings) return error;
  }
  throw new Error('nothing was refused');
}

describe('settings', () => {
  it('are by default in order', () => {
    expect(() => checkSettings(defaultSettings)).not.toThrow();
    expect(settingsWith()).toEqual(defaultSettings);
  });

  it('may be as small as simulations make them', () => {
    const limits = { retainedEntriesMax: 0, entryCommandsMax: 1, messageEntryBytesMax: 50, sessionsPerGroupMax: 3 };
    expect(settingsWith({ limits }).limits).toMatchObject(limits);
  });

  it.each([
    [
      { timings: { heartbeatRoundMs: 200 } },
      ['heartbeatRoundMs', 'electionTimeoutMs'],
      /200.*100.*must be asked before/,
    ],
    [{ timings: { sessionIdleMs: 50 } }, ['electionTimeoutMs', 'sessionIdleMs'], /survive an election/],
    [{ timings: { peerSilenceRoundsMax: 2 } }, ['suspicionFactorMax', 'peerSilenceRoundsMax'], /longest round/],
    [{ limits: { entryBytesMax: 1000 } }, ['keyBytesMax', 'entryBytesMax'], /fit into an entry/],
    [{ limits: { pendingBytesPerGroupMax: 1000 } }, ['valueBytesMax', 'pendingBytesPerGroupMax'], /must have room/],
    [{ limits: { pendingBytesPerGroupMax: 2 ** 21 } }, ['valueBytesMax', 'pendingBytesPerGroupMax'], /two such values/],
    [{ limits: { retainedBytesMax: 2 ** 40 } }, ['retainedBytesMax', 'retainedForSnapshotBytesMax'], /usual tail/],
    [{ limits: { messageEntryBytesMax: 8 * 2 ** 20 } }, ['messageEntryBytesMax'], /too much for messages/],
    [{ limits: { snapshotChunkBytes: 8 * 2 ** 20 } }, ['snapshotChunkBytes'], /too much for messages/],
    [{ limits: { keyBytesMax: 0 } }, ['keyBytesMax'], /whole number above 0/],
    [{ limits: { forwardHopsMax: 1.5 } }, ['forwardHopsMax'], /whole number above 0/],
    [{ timings: { electionTimeoutMs: 2 ** 31 } }, ['electionTimeoutMs'], /at most 86400000/],
    [{ timings: { flushIntervalMs: Number.NaN } }, ['flushIntervalMs'], /whole number above 0/],
  ])('%j are refused', (changes, names, message) => {
    const refused = problem(changes);
    expect(refused.settings).toEqual(names);
    expect(refused.message).toMatch(message);
  });

  it('with values too large for a compare-and-swap in one message are refused', () => {
    const valueBytesMax = 3 * 2 ** 20;
    const limits = { valueBytesMax, entryBytesMax: 4 * 2 ** 20 - 2 ** 17, pendingBytesPerGroupMax: 2 ** 24 };
    expect(problem({ limits })).toMatchObject({ settings: ['valueBytesMax'] });
  });
});
