/**
 * What a run leaves behind for its pictures: plain data, in microseconds of simulated time. The recorder writes it during
 * the run; the report page and the ShiViz log are functions of it.
 */
import type { Call } from '../checkers/index.ts';

/** What a message is about, as the pictures tell messages apart. */
export const partKinds = [
  'prepare',
  'promise',
  'prepare-request',
  'accept-sync',
  'accept',
  'accepted',
  'decide',
  'snapshot',
  'read-check',
  'read-checked',
  'forward',
  'layout',
  'request',
  'reply',
  'heartbeat',
  'unreadable',
] as const;

export type PartKind = (typeof partKinds)[number];

/** Concerns no group in particular. */
export const NO_GROUP = -1;

/** One message of a frame. Equal parts are one object. */
export interface Part {
  readonly kind: PartKind;
  /** {@link NO_GROUP} for messages about the whole node. */
  readonly group: number;
  /** Such as "accept 17–19" or "prepare 3.n2". */
  readonly text: string;
  /** Of consensus messages: "3.n2", ballot number 3 of node id 2. */
  readonly ballot: string | undefined;
  /** Log entries [from, end) that a promise or an accept-sync brings; undefined for other kinds, and for none. */
  readonly entries: readonly [from: number, end: number] | undefined;
}

export const fates = ['delivered', 'lost', 'cut', 'repeated', 'nobody'] as const;

/**
 * `lost`: dropped by chance. `cut`: the link was cut when it would have arrived. `repeated`: delivered, but a second copy.
 * `nobody`: nobody was there to receive it.
 */
export type Fate = (typeof fates)[number];

export interface RecordedMessage {
  readonly sentUs: number;
  /** When it arrived, or would have; later than `sentUs`. */
  readonly arrivedUs: number;
  readonly from: number;
  readonly to: number;
  readonly fate: Fate;
  readonly parts: readonly Part[];
}

export const faultKinds = ['cut', 'crash', 'pause', 'disk', 'clock', 'network', 'other'] as const;

/**
 * `cut`: links that carry nothing. `crash`: from power off to the next start. `pause`: the process stands still. `network`:
 * a period of loss, repetition or delay. The others say it in their text.
 */
export type FaultKind = (typeof faultKinds)[number];

export type Link = readonly [from: number, to: number];

export interface RecordedFault {
  readonly kind: FaultKind;
  readonly fromUs: number;
  /** Undefined: until the end of the run. */
  readonly toUs: number | undefined;
  /** Those it strikes; empty for all. */
  readonly processes: readonly number[];
  /** Of a cut: which directions are cut. */
  readonly links: readonly Link[];
  /** For people, without the time: "n1 crashes". */
  readonly text: string;
}

/** A fault as it was counted when the run was asked to make it; what it did shows in faults, none or several. */
export interface InflictedFault {
  readonly atUs: number;
  readonly text: string;
}

export interface Leadership {
  readonly atUs: number;
  readonly process: number;
  readonly group: number;
  readonly ballot: string;
  /** True: from now on it can order proposals. False: not any more. */
  readonly leading: boolean;
}

export interface Decision {
  readonly atUs: number;
  readonly process: number;
  readonly group: number;
  /** The process knows the entries below it to be decided. */
  readonly index: number;
}

export interface Note {
  readonly atUs: number;
  readonly line: string;
}

/** Something that had to hold. */
export interface ReportVerdict {
  readonly name: string;
  readonly passed: boolean;
  /** Why it failed, or what was measured; empty for nothing to add. */
  readonly detail: string;
}

/** What the caller knows of the run once it is over. */
export interface RunFacts {
  readonly scenario: string;
  /** What happens and what must hold, in a sentence. */
  readonly summary: string;
  readonly seed: number;
  readonly commit: string;
  /** Shown as they are: { nodes: 3, replication: 3 }. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** The command that runs it again. */
  readonly replay: string;
  readonly simulatedUs: number;
  /** Times in microseconds. */
  readonly calls: readonly Call[];
  readonly verdicts: readonly ReportVerdict[];
}

export interface Recording extends RunFacts {
  readonly nodes: number;
  /** By process: the id it has in ballots, where that became known. */
  readonly nodeIds: ReadonlyMap<number, number>;
  /** By `sentUs`. */
  readonly messages: readonly RecordedMessage[];
  /** Messages, decisions and notes that came after the recorder was full. */
  readonly droppedEvents: number;
  /** By `fromUs`. */
  readonly faults: readonly RecordedFault[];
  /** In the order in which they were inflicted. */
  readonly inflicted: readonly InflictedFault[];
  /** These three by `atUs`. */
  readonly leaderships: readonly Leadership[];
  readonly decisions: readonly Decision[];
  readonly notes: readonly Note[];
}
