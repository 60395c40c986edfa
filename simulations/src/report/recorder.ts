/**
 * Records a run for its pictures. The world calls it while it runs and never reads it, so a run does the same with a
 * recorder as without. All times are microseconds of simulated time.
 *
 * `recordRun` (record-run.ts) makes all of these calls for a World; this is what they mean:
 *
 *     const recorder = new Recorder(nodes);
 *     recorder.started(nowUs, process);                        // a node starts, also the first time
 *     recorder.identify(process, node.id);                     // as soon as the node has an id
 *     recorder.stopped(nowUs, process);                        // it crashes: a band until it starts again
 *     recorder.message({ sentUs, arrivedUs, from, to, channel: 'peer', frame, fate: 'delivered' });
 *     const cut = recorder.fault({ fromUs, kind: 'cut', processes: [0, 1], links: [[0, 1], [1, 0]], text: '...' });
 *     cut.end(nowUs);
 *     recorder.inflicted(nowUs, text, () => deed.fired);       // the nemesis strikes: what the page counts as a fault
 *     recorder.observe(nowUs, process, group, view);           // after a node did something; view: GroupView
 *     recorder.note(nowUs, 'healed');
 *     const recording = recorder.finish({ scenario, seed, ... });                    // once, at the end
 *
 * `message` is called once per copy of a frame, between nodes (`peer`) and on client connections (`request`, `reply`; a
 * node that joins is a client there), when its fate is known: at the moment it arrives, is found to be cut off or meets
 * nobody; for a lost one at the moment it is sent, with the time it would have arrived at. The second copy of a frame has
 * the fate `repeated` and the same `sentUs`. The frame is decoded at once and not kept.
 *
 * `observe` may be called as often as is convenient with what a node's replica says of itself: it records changes only.
 * Where the world knows the moments itself, it can call `leader` and `decided` instead.
 */
import type { Term } from '@kvorum/consensus';
import { formatTerm } from '@kvorum/consensus';
import { processName } from '../world/process-name.ts';
import type { Channel } from './frame-parts.ts';
import { framePartsOf } from './frame-parts.ts';
import type {
  Decision,
  Fate,
  FaultKind,
  InflictedFault,
  Leadership,
  Link,
  Note,
  Part,
  RecordedFault,
  RecordedMessage,
  Recording,
  RunFacts,
} from './recording.ts';

/** Beyond these, events are counted only: a browser could not show them anyway. */
export const MESSAGES_MAX = 400_000;
const DECISIONS_MAX = 400_000;
const NOTES_MAX = 20_000;

export interface MessageEvent {
  readonly sentUs: number;
  readonly arrivedUs: number;
  readonly from: number;
  readonly to: number;
  /** `peer` between nodes; `request` and `reply` on a client connection, whoever dialled it. Told from the frame if left out. */
  readonly channel?: Channel;
  readonly frame: Uint8Array;
  readonly fate: Fate;
}

export interface FaultEvent {
  readonly fromUs: number;
  /** When its end is known already. */
  readonly toUs?: number;
  readonly kind: FaultKind;
  readonly processes: readonly number[];
  readonly links?: readonly Link[];
  readonly text: string;
}

/** What a replica says of itself; the node's GroupView fits. */
export interface ReplicaView {
  readonly serves: boolean;
  readonly term: Term;
  readonly log: { readonly decidedIndex: number } | undefined;
}

export interface FaultHandle {
  /** The fault is over. Only the first call counts. */
  end(atUs: number): void;
}

interface Seen {
  leading: string | undefined;
  decidedIndex: number;
}

export class Recorder {
  readonly #nodes: number;
  readonly #nodeIds = new Map<number, number>();
  readonly #parts = new Map<string, Part>();
  readonly #messages: RecordedMessage[] = [];
  #droppedEvents = 0;
  readonly #faults: (RecordedFault & { toUs: number | undefined })[] = [];
  readonly #inflicted: (InflictedFault & { readonly happened: () => boolean })[] = [];
  readonly #down = new Map<number, FaultHandle>();
  readonly #leaderships: Leadership[] = [];
  readonly #decisions: Decision[] = [];
  readonly #notes: Note[] = [];
  /** By process and group. */
  readonly #seen = new Map<string, Seen>();

  constructor(nodes: number) {
    this.#nodes = nodes;
  }

  message({ sentUs, arrivedUs, from, to, channel, frame, fate }: MessageEvent): void {
    if (!(arrivedUs > sentUs)) throw new RangeError(`a message sent at ${sentUs} cannot arrive at ${arrivedUs}`);
    if (this.#messages.length >= MESSAGES_MAX) {
      this.#droppedEvents += 1;
      return;
    }
    const parts = framePartsOf(from, to, channel, frame).map((part) => this.#intern(part));
    this.#messages.push({ sentUs, arrivedUs, from, to, fate, parts });
  }

  fault({ fromUs, toUs, kind, processes, links = [], text }: FaultEvent): FaultHandle {
    const fault = { kind, fromUs, toUs, processes, links, text };
    this.#faults.push(fault);
    return {
      end: (atUs) => {
        fault.toUs ??= atUs;
      },
    };
  }

  /** `happened` is asked at the end of the run: some faults wait for their moment, or find nothing to harm. */
  inflicted(atUs: number, text: string, happened: () => boolean): void {
    this.#inflicted.push({ atUs, text, happened });
  }

  /** How ballots call the process. */
  identify(process: number, nodeId: number): void {
    if (nodeId > 0) this.#nodeIds.set(process, nodeId);
  }

  started(atUs: number, process: number): void {
    this.#down.get(process)?.end(atUs);
    this.#down.delete(process);
  }

  stopped(atUs: number, process: number): void {
    if (this.#down.has(process)) return;
    const text = `${processName(process)} is down`;
    this.#down.set(process, this.fault({ fromUs: atUs, kind: 'crash', processes: [process], text }));
    for (const [name, seen] of this.#seen) {
      const [owner, group] = name.split('/').map(Number);
      if (owner !== process || group === undefined) continue;
      if (seen.leading !== undefined) this.#leadership(atUs, process, group, seen.leading, false);
      this.#seen.delete(name);
    }
  }

  observe(atUs: number, process: number, group: number, view: ReplicaView): void {
    const seen = this.#seenOf(process, group);
    const decidedIndex = view.log?.decidedIndex ?? 0;
    if (decidedIndex > seen.decidedIndex) this.decided(atUs, process, group, decidedIndex);
    // A replica that has heard of a higher ballot says so a little before it stops leading.
    const own = this.#nodeIds.get(process) ?? view.term.node;
    const leading = view.serves && view.term.node === own ? formatTerm(view.term) : undefined;
    if (leading === seen.leading) return;
    if (seen.leading !== undefined) this.#leadership(atUs, process, group, seen.leading, false);
    if (leading !== undefined) this.leader(atUs, process, group, view.term, true);
  }

  leader(atUs: number, process: number, group: number, ballot: Term, leading: boolean): void {
    this.identify(process, ballot.node);
    this.#leadership(atUs, process, group, formatTerm(ballot), leading);
  }

  decided(atUs: number, process: number, group: number, index: number): void {
    this.#seenOf(process, group).decidedIndex = index;
    if (this.#decisions.length >= DECISIONS_MAX) this.#droppedEvents += 1;
    else this.#decisions.push({ atUs, process, group, index });
  }

  note(atUs: number, line: string): void {
    if (this.#notes.length >= NOTES_MAX) this.#droppedEvents += 1;
    else this.#notes.push({ atUs, line });
  }

  finish(facts: RunFacts): Recording {
    return {
      ...facts,
      nodes: this.#nodes,
      nodeIds: this.#nodeIds,
      messages: this.#messages.toSorted((a, b) => a.sentUs - b.sentUs || a.arrivedUs - b.arrivedUs),
      droppedEvents: this.#droppedEvents,
      faults: this.#faults.toSorted((a, b) => a.fromUs - b.fromUs),
      inflicted: this.#inflicted.filter(({ happened }) => happened()).map(({ atUs, text }) => ({ atUs, text })),
      leaderships: this.#leaderships,
      decisions: this.#decisions,
      notes: this.#notes,
    };
  }

  #leadership(atUs: number, process: number, group: number, ballot: string, leading: boolean): void {
    this.#seenOf(process, group).leading = leading ? ballot : undefined;
    this.#leaderships.push({ atUs, process, group, ballot, leading });
  }

  #seenOf(process: number, group: number): Seen {
    const name = `${process}/${group}`;
    let seen = this.#seen.get(name);
    if (seen === undefined) {
      seen = { leading: undefined, decidedIndex: 0 };
      this.#seen.set(name, seen);
    }
    return seen;
  }

  #intern(part: Part): Part {
    const name = `${part.kind} ${part.group} ${part.ballot ?? ''} ${part.text}`;
    const known = this.#parts.get(name);
    if (known !== undefined) return known;
    this.#parts.set(name, part);
    return part;
  }
}
