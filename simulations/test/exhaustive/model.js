/**
 * The cluster of a search: its states, what can happen next, and what must hold. A state is a list of numbers: the replicas,
 * what was decided and led so far, what was taken of the bounds, the read under way, then every message that was ever sent, in
 * ascending order. A message can be delivered at any time and any number of times; one that is never delivered is lost. So
 * loss, repetition and reordering need no actions of their own, and no bounds.
 *
 * What leaves its receiver as it is and makes it send something more costs nothing: it happens at once.
 */
import { Interned } from './interned.js';
import { textOf } from './copies.js';
import { checkDurable, historyAfter, NOTHING_YET } from './invariants.js';
import { Replicas } from './replicas.js';

const HISTORY = 3;
const SPENT = 4;
const READING = 5;
export const HEADER = 6;

/** What is counted against the bounds, four bits each. */
export const COUNTED = ['elections', 'entries', 'crashes', 'rounds', 'reads'];
const shiftOf = Object.fromEntries(COUNTED.map((name, place) => [name, 4 * place]));

export class Model {
  #core;
  #bounds;
  #ids;
  #replicas;
  #histories = new Interned();
  #majority;

  /** `bounds`: how often each of COUNTED may happen, the ids of the `members`, and of the `candidates` that may stand. */
  constructor(core, bounds) {
    this.#core = core;
    this.#bounds = bounds;
    this.#ids = bounds.members;
    this.#replicas = new Replicas(core, this.#ids);
    this.#majority = core.majorityOf(this.#ids.length);
  }

  /** How many values the replicas had, and how many messages there were. */
  get figures() {
    return { replicaStates: this.#replicas.size, messages: this.#replicas.messages.size };
  }

  start() {
    const history = this.#histories.numberOf(textOf(NOTHING_YET), () => NOTHING_YET);
    return Uint32Array.of(...this.#ids.map((id) => this.#replicas.fresh(id)), history, 0, 0);
  }

  /** Calls `visit(next state or undefined, violation or undefined, action)` for all that can happen, in the same order each time. */
  expand(state, visit) {
    for (let place = 0; place < this.#ids.length; place += 1) {
      const value = this.#replicas.at(state[place]);
      if (!value.up) {
        this.#visit(state, place, { kind: 'restart' }, this.#replicas.restart(state[place]), visit);
        continue;
      }
      if (value.pending.length > 0)
        this.#visit(state, place, { kind: 'write' }, this.#replicas.write(state[place]), visit);
      if (value.leading) this.#ask(state, place, visit);
      this.#hold(state, place, value, visit);
      if (this.#isLeft(state, 'crashes'))
        this.#visit(state, place, { kind: 'crash', counts: 'crashes' }, this.#replicas.crash(state[place]), visit);
    }
    this.#deliver(state, visit);
  }

  #deliver(state, visit) {
    for (let at = HEADER; at < state.length; at += 1) {
      const place = this.#receiverOf(state[at]);
      if (!this.#valueAt(state, place).up) continue;
      const outcome = this.#replicas.deliver(state[place], state[at]);
      if (outcome.next === state[place]) continue;
      this.#visit(state, place, { kind: 'deliver', message: state[at] }, outcome, visit);
    }
  }

  #receiverOf(message) {
    return this.#ids.indexOf(this.#replicas.messages.at(message).to);
  }

  #ask(state, place, visit) {
    if (this.#isLeft(state, 'entries')) {
      const entry = this.#spent(state, 'entries');
      const outcome = this.#replicas.propose(state[place], entry);
      this.#visit(state, place, { kind: 'propose', entry, counts: 'entries' }, outcome, visit);
    }
    if (this.#isLeft(state, 'reads') && state[READING] === 0)
      this.#visit(state, place, { kind: 'read', counts: 'reads' }, this.#replicas.read(state[place]), visit);
  }

  /** Heartbeat rounds: those that make it stand, and those that tell it what the others are. */
  #hold(state, place, value, visit) {
    const others = this.#ids
      .map((_, other) => other)
      .filter((other) => other !== place && this.#valueAt(state, other).up);
    const heartbeats = others.map((other) => [this.#ids[other], this.#valueAt(state, other).heartbeat]);
    if (this.#isLeft(state, 'elections') && this.#bounds.candidates.includes(value.id)) {
      for (const [from, { leaderBallot }] of heartbeats) {
        const blind = { ballot: this.#core.ZERO_BALLOT, leaderBallot, happy: false, leadingDecidedIndex: 0 };
        const outcome = this.#replicas.stand(state[place], this.#replicas.answersOf(new Map([[from, blind]])));
        if (outcome === undefined) continue;
        this.#visit(state, place, { kind: 'stand', from: [from], counts: 'elections' }, outcome, visit);
      }
    }
    if (!this.#isLeft(state, 'rounds')) return;
    for (const answers of subsetsOf(heartbeats)) {
      const outcome = this.#replicas.hear(state[place], this.#replicas.answersOf(new Map(answers)));
      // An election of its own is counted as one, and left to what makes it stand.
      if (outcome.next !== undefined && this.#hasRaised(value, outcome)) continue;
      const from = answers.map(([id]) => id);
      this.#visit(state, place, { kind: 'hear', from, counts: 'rounds' }, outcome, visit);
    }
  }

  #hasRaised(value, { next }) {
    return this.#core.compareBallots(this.#replicas.at(next).ballot, value.ballot) > 0;
  }

  #visit(state, place, action, outcome, visit) {
    const { kind } = action;
    const described = { ...action, place };
    if (outcome.violation !== undefined) return visit(undefined, outcome.violation, described);
    if (kind !== 'write' && this.#replicas.at(outcome.next).pending.length > this.#bounds.writes) return;
    const { history, violation } = this.#historyAfter(state, place, outcome);
    if (violation !== undefined) return visit(undefined, violation, described);
    const repeated = [];
    visit(this.#next(state, place, action, outcome, history, repeated), undefined, { ...described, repeated });
  }

  #next(state, place, { counts, kind }, { next, sends = [], reads = [] }, history, repeated) {
    const result = Array.from(state.slice(0, HEADER));
    result[place] = next;
    result[HISTORY] = history;
    if (counts !== undefined) result[SPENT] += 1 << shiftOf[counts];
    if (kind === 'read') result[READING] = 1 + place + this.#ids.length * this.#histories.at(history).decided.length;
    if (reads.length > 0 || (kind === 'crash' && this.#readerOf(state) === place)) result[READING] = 0;
    for (let at = HEADER; at < state.length; at += 1) result.push(state[at]);
    for (const message of sends) insert(result, message);
    this.#saturate(result, repeated);
    return Uint32Array.from(result);
  }

  /** Delivers what changes no replica and makes one send more; `repeated` gets each such delivery, with the `news`. */
  #saturate(state, repeated) {
    for (let at = HEADER; at < state.length; at += 1) {
      const place = this.#receiverOf(state[at]);
      if (!this.#valueAt(state, place).up) continue;
      const { next, sends } = this.#replicas.deliver(state[place], state[at]);
      if (next !== state[place]) continue;
      const news = sends.filter((message) => insert(state, message));
      if (news.length === 0) continue;
      repeated.push({ kind: 'deliver', message: state[at], place, news });
      at = HEADER - 1;
    }
  }

  /** What is decided and led after a step, or what the step violates that more than one replica has a part in. */
  #historyAfter(state, place, { next, reads = [], began }) {
    const before = this.#histories.at(state[HISTORY]);
    const value = this.#replicas.at(next);
    try {
      const history = historyAfter(before, value, began, this.#core);
      const disks = this.#ids.map((_, other) => (other === place ? value : this.#valueAt(state, other)).diskLog);
      checkDurable(history, disks, this.#majority);
      const [read] = reads;
      if (read?.index < this.#floorOf(state))
        throw new Error(`a read at ${read.index}, but ${this.#floorOf(state)} were decided`);
      if (reads.length === 0 && value.up && !value.leading && this.#readerOf(state) === place)
        throw new Error('a read is left over');
      const isSame = history === before;
      return { history: isSame ? state[HISTORY] : this.#histories.numberOf(textOf(history), () => history) };
    } catch (error) {
      return { violation: `n${value.id}: ${error.message}` };
    }
  }

  #readerOf(state) {
    return (state[READING] - 1) % this.#ids.length;
  }

  /** How many entries were decided anywhere when the read was asked for. */
  #floorOf(state) {
    return Math.floor((state[READING] - 1) / this.#ids.length);
  }

  #valueAt(state, place) {
    return this.#replicas.at(state[place]);
  }

  #spent(state, what) {
    return (state[SPENT] >> shiftOf[what]) & 15;
  }

  #isLeft(state, what) {
    return this.#spent(state, what) < this.#bounds[what];
  }

  /** The action in words. */
  describe({ kind, place, message, from, entry }) {
    const name = `n${this.#ids[place]}`;
    const members = from?.map((id) => `n${id}`).join(' and ');
    switch (kind) {
      case 'deliver': {
        const { from: sender, content } = this.#replicas.messages.at(message);
        return `${name} gets from n${sender}: ${this.#core.messageText(content)}`;
      }
      case 'write':
        return `${name} has its oldest write on disk`;
      case 'stand':
        return `${name} stands for election, heard by ${members}`;
      case 'hear':
        return `${name} ends a heartbeat round with answers of ${members}`;
      case 'propose':
        return `${name} is asked to order ${String.fromCharCode(97 + entry)}`;
      case 'read':
        return `${name} is asked for a read`;
      default:
        return `${name} ${kind === 'crash' ? 'crashes' : 'restarts'}`;
    }
  }
}

/** Keeps the messages in ascending order; tells whether this one is new. */
function insert(state, message) {
  let at = state.length;
  while (at > HEADER && state[at - 1] > message) at -= 1;
  if (at > HEADER && state[at - 1] === message) return false;
  state.splice(at, 0, message);
  return true;
}

/** The subsets that are not empty. */
function subsetsOf(list) {
  const subsets = list.reduce((sets, item) => [...sets, ...sets.map((set) => [...set, item])], [[]]);
  return subsets.slice(1);
}
