/**
 * What the page is given: columns of numbers rather than objects, so that a hundred thousand messages load at once. Times
 * are microseconds.
 */
export interface PageData {
  readonly about: {
    readonly scenario: string;
    readonly summary: string;
    readonly seed: number;
    readonly commit: string;
    readonly options: string;
    readonly replay: string;
    readonly simulatedUs: number;
    readonly droppedEvents: number;
  };
  readonly verdicts: readonly { readonly name: string; readonly passed: boolean; readonly detail: string }[];
  /** Names of the nodes, and what ballots call them where that is something else, or ''. */
  readonly nodes: readonly { readonly name: string; readonly inBallots: string }[];
  readonly groups: readonly number[];
  readonly kinds: readonly string[];
  readonly fates: readonly string[];
  readonly messages: MessageColumns;
  /** Each distinct message once: index into `kinds`, group (-1: none), text. */
  readonly parts: readonly (readonly [kind: number, group: number, text: string])[];
  /** What shows of the faults, as bands. */
  readonly faults: readonly PageFault[];
  /** The faults as they are counted. */
  readonly inflicted: readonly { readonly atUs: number; readonly text: string }[];
  readonly leaders: readonly LeaderSpan[];
  readonly elections: readonly PageElection[];
  readonly decisions: {
    readonly atUs: readonly number[];
    readonly process: readonly number[];
    readonly group: readonly number[];
    readonly index: readonly number[];
  };
  readonly story: readonly StoryItem[];
  readonly keys: readonly PageKey[];
  readonly opening: Opening;
}

export interface MessageColumns {
  /** Of the first the time, of the others the time since the one before. */
  readonly sentDeltaUs: readonly number[];
  readonly tookUs: readonly number[];
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly fate: readonly number[];
  readonly partCount: readonly number[];
  /** The parts of all messages, one after the other: indices into `parts`. */
  readonly parts: readonly number[];
}

export interface PageFault {
  readonly kind: string;
  readonly fromUs: number;
  readonly toUs: number;
  readonly processes: readonly number[];
  readonly links: readonly (readonly [number, number])[];
  readonly text: string;
}

export interface LeaderSpan {
  readonly group: number;
  readonly process: number;
  readonly ballot: string;
  readonly fromUs: number;
  readonly toUs: number;
  /** From here on another one leads with a higher ballot, and this one has not noticed; `toUs` when that never was. */
  readonly supersededUs: number;
}

export interface PageElection {
  readonly group: number;
  readonly process: number;
  readonly ballot: string;
  readonly isChange: boolean;
  readonly preparedUs: number;
  /** -1: never. */
  readonly ledUs: number;
  readonly decidedUs: number;
}

export type StoryKind = 'fault' | 'healed' | 'election' | 'leader' | 'decision' | 'violation' | 'note';

export interface StoryItem {
  readonly atUs: number;
  readonly kind: StoryKind;
  /** -1: of no group in particular. */
  readonly group: number;
  readonly text: string;
}

export interface PageKey {
  readonly key: string;
  readonly verdict: 'linearizable' | 'violation' | 'unknown';
  readonly explanation: string;
  /** Where the longest order ends; -1 when it covers everything. */
  readonly stuckUs: number;
  /** By invocation. */
  readonly operations: readonly PageOperation[];
}

export interface PageOperation {
  readonly client: number;
  /** "put v17", for the bar. */
  readonly label: string;
  /** With the result, for the hover. */
  readonly text: string;
  readonly kind: 'read' | 'write';
  readonly outcome: 'ok' | 'failed' | 'unknown';
  readonly invokedUs: number;
  /** -1: never returned. */
  readonly returnedUs: number;
  /** When it takes effect, and as the how many-th on its key; -1: it has no place in the order. */
  readonly effectUs: number;
  readonly place: number;
  /** Why it cannot come next where the order ends; empty where that is not the question. */
  readonly stuck: string;
}

/** What the page shows first. */
export interface Opening {
  readonly fromUs: number;
  readonly toUs: number;
  /** -1: all. */
  readonly group: number;
  readonly key: number;
  readonly why: string;
}
