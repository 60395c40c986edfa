/**
 * The messages as typed arrays, sorted by the time they were sent, and which of them the filter lets through.
 */
import { numberAt } from './canvas.ts';
import type { PageData } from './page-data.ts';
import { styleOf } from './palette.ts';

export interface MessageFilter {
  /** -1: all. */
  readonly group: number;
  readonly heartbeats: boolean;
  readonly clients: boolean;
}

const FIRST_CLIENT_PROCESS = 1000;
const HIDDEN = 255;
/** A frame is shown as the first of these that it holds. */
const KIND_ORDER = [
  'prepare',
  'promise',
  'prepare-request',
  'accept-sync',
  'snapshot',
  'unreadable',
  'accept',
  'accepted',
  'decide',
  'forward',
  'layout',
  'read-check',
  'read-checked',
  'request',
  'reply',
  'heartbeat',
];

export class MessageTable {
  readonly count: number;
  readonly sentUs: Float64Array;
  readonly arrivedUs: Float64Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly fate: Uint8Array;
  /** For each message the kind it is drawn as, or 255 while it is filtered out. */
  readonly shownKind: Uint8Array;
  readonly #data: PageData;
  readonly #partsFrom: Uint32Array;
  readonly #rank: number[];
  readonly #important: boolean[];
  #longestUs = 0;
  #shown = 0;

  constructor(data: PageData) {
    const { messages, kinds } = data;
    const count = messages.from.length;
    this.#data = data;
    this.count = count;
    this.sentUs = new Float64Array(count);
    this.arrivedUs = new Float64Array(count);
    this.from = Int32Array.from(messages.from);
    this.to = Int32Array.from(messages.to);
    this.fate = Uint8Array.from(messages.fate);
    this.shownKind = new Uint8Array(count).fill(HIDDEN);
    this.#partsFrom = new Uint32Array(count + 1);
    this.#rank = kinds.map((kind) => KIND_ORDER.indexOf(kind));
    this.#important = kinds.map((kind) => styleOf(kind).important);
    let sentUs = 0;
    for (let i = 0; i < count; i += 1) {
      const tookUs = numberAt(messages.tookUs, i);
      sentUs += numberAt(messages.sentDeltaUs, i);
      this.sentUs[i] = sentUs;
      this.arrivedUs[i] = sentUs + tookUs;
      this.#partsFrom[i + 1] = numberAt(this.#partsFrom, i) + numberAt(messages.partCount, i);
      this.#longestUs = Math.max(this.#longestUs, tookUs);
    }
  }

  /** Messages the filter lets through. */
  get shown(): number {
    return this.#shown;
  }

  filter(filter: MessageFilter): void {
    this.#shown = 0;
    for (let i = 0; i < this.count; i += 1) {
      const kind = this.#kindOf(i, filter);
      this.shownKind[i] = kind;
      if (kind !== HIDDEN) this.#shown += 1;
    }
  }

  isShown(index: number): boolean {
    return this.shownKind[index] !== HIDDEN;
  }

  kindName(index: number): string {
    return this.#data.kinds[numberAt(this.shownKind, index)] ?? '';
  }

  isImportant(index: number): boolean {
    return this.#important[numberAt(this.shownKind, index)] === true;
  }

  /** Indices that may be under way between the two times: [from, to). */
  range(fromUs: number, toUs: number): readonly [number, number] {
    return [this.#firstSentAt(fromUs - this.#longestUs), this.#firstSentAt(toUs + 1)];
  }

  /** What the message says, about the group of the filter if there is one. */
  texts(index: number, group: number): string[] {
    const texts: string[] = [];
    for (let at = numberAt(this.#partsFrom, index); at < numberAt(this.#partsFrom, index + 1); at += 1) {
      const [, partGroup, text] = this.#part(at);
      if (group >= 0 && partGroup >= 0 && partGroup !== group) continue;
      texts.push(group < 0 && partGroup >= 0 && this.#data.groups.length > 1 ? `g${partGroup} ${text}` : text);
    }
    return texts;
  }

  /** The text of the part that it is drawn as. */
  label(index: number, group: number): string {
    const kind = numberAt(this.shownKind, index);
    for (let at = numberAt(this.#partsFrom, index); at < numberAt(this.#partsFrom, index + 1); at += 1) {
      const [partKind, partGroup, text] = this.#part(at);
      if (partKind === kind && (group < 0 || partGroup < 0 || partGroup === group)) return text;
    }
    return '';
  }

  #kindOf(index: number, { group, heartbeats, clients }: MessageFilter): number {
    const isClients =
      numberAt(this.from, index) >= FIRST_CLIENT_PROCESS || numberAt(this.to, index) >= FIRST_CLIENT_PROCESS;
    if (isClients && !clients) return HIDDEN;
    let best = HIDDEN;
    let bestRank = KIND_ORDER.length;
    for (let at = numberAt(this.#partsFrom, index); at < numberAt(this.#partsFrom, index + 1); at += 1) {
      const [kind, partGroup] = this.#part(at);
      const rank = this.#rank[kind] ?? KIND_ORDER.length;
      const isHeartbeat = this.#data.kinds[kind] === 'heartbeat';
      if (isHeartbeat && !heartbeats) continue;
      // Of no group: replies to clients and heartbeats are about whatever is looked at, the rest is not.
      if (group >= 0 && partGroup !== group && !(partGroup < 0 && (isHeartbeat || isClients))) continue;
      if (rank < bestRank) {
        best = kind;
        bestRank = rank;
      }
    }
    return best;
  }

  #part(at: number): readonly [kind: number, group: number, text: string] {
    return this.#data.parts[numberAt(this.#data.messages.parts, at)] ?? [0, -1, ''];
  }

  #firstSentAt(us: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (numberAt(this.sentUs, middle) < us) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
