/**
 * One replica with its disk, its writes under way and what it acknowledged: a value with a number. What an action does to such
 * a value is worked out once, on a copy of the replica, and looked up from then on: the same few thousand values meet in
 * millions of states of the cluster.
 *
 * An outcome is the number of the next value, the numbers of the messages that leave, how reads ended, and the ballot in which
 * the replica began to accept; or what it violates.
 */
import { deepCopy, deepFreeze, textOf } from './copies.js';
import { blankDisk, recovered, written } from './disk.js';
import { Interned } from './interned.js';

/** Entries of a search are single letters, so that a log is a word. */
const FIRST_LETTER = 'a'.charCodeAt(0);
const NO_MESSAGES = Object.freeze([]);
const ACTION_KINDS = 16;

export class Replicas {
  #core;
  #ids;
  #values = new Interned();
  #messages = new Interned();
  #answers = new Interned();

  constructor(core, ids) {
    this.#core = core;
    this.#ids = ids;
  }

  get size() {
    return this.#values.size;
  }

  get messages() {
    return this.#messages;
  }

  at(number) {
    return this.#values.at(number);
  }

  /** A replica that never ran before. */
  fresh(id) {
    return this.#started(id, blankDisk(this.#core));
  }

  /** The number of answers to a heartbeat round, by member. */
  answersOf(answers) {
    return this.#answers.numberOf(textOf(answers), () => deepFreeze(answers));
  }

  deliver(number, message) {
    return this.#outcome(number, 0, message, (value) => {
      const { from, content } = this.#messages.at(message);
      return this.#step(value, [{ type: 'message', from, message: content }]);
    });
  }

  /** The oldest write reaches the disk, the messages that wait for it leave, and the replica hears of it. */
  write(number) {
    return this.#outcome(number, 1, 0, (value) => {
      const [{ persist, sends }, ...pending] = value.pending;
      const disk = written(value.disk, persist, this.#core);
      const next = { ...value, disk, pending };
      return this.#step(next, [{ type: 'persisted', receipt: persist.receipt }], sends);
    });
  }

  /** Its memory is gone, and what was not written. */
  crash(number) {
    return this.#outcome(number, 2, 0, ({ id, disk }) => ({
      next: this.#numberOf({ id, disk, pending: [], proposed: [] }),
    }));
  }

  restart(number) {
    return this.#outcome(number, 3, 0, ({ id, disk }) => ({ next: this.#started(id, disk) }));
  }

  /**
   * Heartbeat rounds in which only one member answered, which sees no leader, until the replica stands with a higher
   * ballot; undefined when it does not. What the rounds repeat is taken as lost.
   */
  stand(number, answers) {
    return this.#outcome(number, 4, answers, (value) => {
      const input = { type: 'heartbeat-round', replies: this.#answers.at(answers) };
      const before = value.ballot;
      let next = value;
      const reads = [];
      for (let round = 0; round <= this.#ids.length; round += 1) {
        const outcome = this.#step(next, [input], NO_MESSAGES, ({ message }) => message.type === 'prepare');
        reads.push(...outcome.reads);
        next = this.at(outcome.next);
        if (this.#core.compareBallots(next.ballot, before) > 0) return { ...outcome, reads };
      }
      return undefined;
    });
  }

  /** A heartbeat round with these answers. */
  hear(number, answers) {
    return this.#outcome(number, 5, answers, (value) =>
      this.#step(value, [{ type: 'heartbeat-round', replies: this.#answers.at(answers) }]),
    );
  }

  propose(number, entry) {
    return this.#outcome(number, 6, entry, (value) => {
      const payload = new Uint8Array([FIRST_LETTER + entry]);
      return this.#step(value, [{ type: 'propose', ticket: 0, entry: { kind: 'command', payload } }]);
    });
  }

  read(number) {
    return this.#outcome(number, 7, 0, (value) => this.#step(value, [{ type: 'read', ticket: 0 }]));
  }

  #outcome(number, kind, argument, make) {
    const value = this.at(number);
    const key = argument * ACTION_KINDS + kind;
    const known = value.outcomes.get(key);
    if (known !== undefined || value.outcomes.has(key)) return known;
    let outcome;
    try {
      outcome = make(value);
    } catch (error) {
      outcome = { violation: `n${value.id}: ${error.message}` };
    }
    value.outcomes.set(key, outcome);
    return outcome;
  }

  #started(id, disk) {
    const replica = new this.#core.SequencePaxos({ self: id, members: this.#ids, recovered: recovered(disk) });
    return this.#numberOf({ id, disk, pending: [], proposed: [], replica });
  }

  /** Runs the replica's code on a copy of it. `isKept`: which messages are not lost. */
  #step(value, inputs, sent = NO_MESSAGES, isKept = () => true) {
    const replica = deepCopy(value.replica);
    const effects = replica.step(inputs);
    const sends = [...sent, ...this.#numbersOf(value.id, effects.send.filter(isKept))];
    const pending = [...value.pending];
    const waiting = this.#numbersOf(value.id, effects.sendAfterPersist.filter(isKept));
    if (effects.persist !== undefined || waiting.length > 0)
      pending.push({ persist: deepFreeze(effects.persist), sends: waiting });
    while (pending.length > 0 && pending[0].persist === undefined) sends.push(...pending.shift().sends);
    const proposed = this.#stillProposed(value, inputs, effects, replica);
    const next = this.#numberOf({ id: value.id, disk: value.disk, pending, proposed, replica });
    this.#checkStep(value, this.at(next));
    return { next, sends, reads: effects.reads, began: effects.events.find(({ type }) => type === 'leading')?.term };
  }

  #numbersOf(from, outgoing) {
    return outgoing.map(({ to, message }) => {
      const text = `n${from}->n${to} ${textOf(message)}`;
      return this.#messages.numberOf(text, () => ({ from, to, content: deepFreeze(message) }));
    });
  }

  /** The entries that it promised a position to and has not seen decided; checks those that are. */
  #stillProposed(value, inputs, effects, replica) {
    const proposed = [...value.proposed];
    for (const input of inputs) {
      const index = effects.proposals[0]?.index;
      if (input.type === 'propose' && index !== undefined)
        proposed.push({ index, entry: this.#core.entryText(input.entry) });
    }
    if (effects.events.some(({ type }) => type === 'stepped-down')) return [];
    return proposed.filter(({ index, entry }) => {
      if (index >= replica.decidedIndex) return true;
      const decided = this.#core.entryText(replica.entries(index, index + 1)[0]);
      if (decided !== entry) throw new Error(`${entry} was acknowledged at ${index}, where ${decided} is decided`);
      return false;
    });
  }

  #checkStep(before, after) {
    if (!after.decided.startsWith(before.decided))
      throw new Error(`undecides: "${before.decided}" becomes "${after.decided}"`);
    const applicable = after.log.slice(0, after.replica.applicableIndex);
    if (!after.diskLog.startsWith(applicable))
      throw new Error(`may apply "${applicable}", but its disk has "${after.diskLog}"`);
  }

  #numberOf({ id, disk, pending, proposed, replica }) {
    return this.#values.numberOf(textOf([id, disk, pending, proposed, replica]), () => {
      const word = (entries) => entries.map(this.#core.entryText).join('');
      const log = replica === undefined ? '' : word(replica.entries(0, replica.logLength));
      const heartbeat = replica?.heartbeat();
      return {
        ...{ id, disk: deepFreeze(disk), pending, proposed, replica, log },
        up: replica !== undefined,
        leading: replica?.leading ?? false,
        decided: log.slice(0, replica?.decidedIndex),
        diskLog: word(disk.entries),
        acceptedBallot: replica?._state.acceptedBallot,
        heartbeat,
        ballot: heartbeat?.ballot,
        outcomes: new Map(),
      };
    });
  }
}
