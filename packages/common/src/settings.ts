/**
 * All bounds and times that a node works with, and what must hold between them.
 */
import type { Limits } from './limits.ts';
import { defaultLimits, FRAME_BYTES_MAX } from './limits.ts';
import type { Timings } from './timings.ts';
import { defaultTimings } from './timings.ts';

export interface Settings {
  readonly limits: Limits;
  readonly timings: Timings;
}

export const defaultSettings: Settings = { limits: defaultLimits, timings: defaultTimings };

/** Settings that contradict each other, or are no amounts: a node must not start with them. */
export class InvalidSettings extends Error {
  override readonly name = 'InvalidSettings';
  /** The settings that do not fit. */
  readonly settings: readonly string[];

  constructor(settings: readonly string[], message: string) {
    super(message);
    this.settings = settings;
  }
}

/** The default settings with these changed; throws {@link InvalidSettings} when the result contradicts itself. */
export function settingsWith(changes: { limits?: Partial<Limits>; timings?: Partial<Timings> } = {}): Settings {
  const settings = {
    limits: { ...defaultLimits, ...changes.limits },
    timings: { ...defaultTimings, ...changes.timings },
  };
  checkSettings(settings);
  return settings;
}

/** Room in a frame for what a message has besides its values or entries. */
const MESSAGE_HEAD_BYTES = 64 * 1024;
/** A frame that is half full must have room for any message. */
const MESSAGE_BYTES_MAX = FRAME_BYTES_MAX / 2 - MESSAGE_HEAD_BYTES;
/** What a command has besides its key and values. */
const COMMAND_HEAD_BYTES = 64;
const TIMEOUT_MS_MAX = 24 * 60 * 60 * 1000;

/** Throws {@link InvalidSettings}. */
export function checkSettings({ limits, timings }: Settings): void {
  for (const [name, value] of Object.entries({ ...limits, ...timings })) {
    if (Number.isSafeInteger(value) && value >= (MAY_BE_ZERO.has(name) ? 0 : 1)) continue;
    throw new InvalidSettings([name], `${name} is ${value}; it must be a whole number above 0`);
  }
  for (const name of ['heartbeatRoundMs', 'electionTimeoutMs', 'sessionIdleMs'] as const) {
    if (timings[name] <= TIMEOUT_MS_MAX) continue;
    throw new InvalidSettings([name], `${name} is ${timings[name]}; it must be at most ${TIMEOUT_MS_MAX}, one day`);
  }
  atMost(timings, 'heartbeatRoundMs', timings, 'electionTimeoutMs', 'a peer must be asked before it can be suspected');
  atMost(timings, 'electionTimeoutMs', timings, 'sessionIdleMs', 'a session must survive an election');
  atMost(timings, 'suspicionFactorMax', timings, 'peerSilenceRoundsMax', 'the longest round ends with a heartbeat');
  atMost(limits, 'retainedBytesMax', limits, 'retainedForSnapshotBytesMax', 'a transfer keeps at least the usual tail');
  atMost(limits, 'keyBytesMax', limits, 'entryBytesMax', 'a command must fit into an entry');
  atMost(limits, 'valueBytesMax', limits, 'entryBytesMax', 'a command must fit into an entry');
  const messages = { compareAndSwap: 2 * limits.valueBytesMax + limits.keyBytesMax, ...limits };
  const { valueBytesMax, pendingBytesPerGroupMax } = limits;
  if (messages.compareAndSwap + COMMAND_HEAD_BYTES > pendingBytesPerGroupMax) {
    const text = `valueBytesMax is ${valueBytesMax} and pendingBytesPerGroupMax is ${pendingBytesPerGroupMax}: a compare-and-swap of two such values must have room; raise the one or lower the other`;
    throw new InvalidSettings(['valueBytesMax', 'pendingBytesPerGroupMax'], text);
  }
  const parts = ['compareAndSwap', 'entryBytesMax', 'messageEntryBytesMax', 'snapshotChunkBytes'] as const;
  for (const name of parts) {
    if (messages[name] <= MESSAGE_BYTES_MAX) continue;
    const setting = name === 'compareAndSwap' ? 'valueBytesMax' : name;
    const text = `${setting} is ${limits[setting]}, too much for messages of at most ${MESSAGE_BYTES_MAX} bytes`;
    throw new InvalidSettings([setting], text);
  }
}

/** What may be switched off. */
const MAY_BE_ZERO = new Set(['retainedEntriesMax', 'forwardHopsMax', 'suspicionStepMs']);

function atMost<A extends string, B extends string>(
  lower: Readonly<Record<A, number>>,
  lowerName: A,
  upper: Readonly<Record<B, number>>,
  upperName: B,
  why: string,
): void {
  if (lower[lowerName] <= upper[upperName]) return;
  throw new InvalidSettings(
    [lowerName, upperName],
    `${lowerName} is ${lower[lowerName]} and ${upperName} is ${upper[upperName]}: ${why}; raise the one or lower the other`,
  );
}
