/**
 * Compares the opened core with the original one: random runs in which every step of an opened replica is taken by a copy of
 * it, while an original replica takes the same inputs. Prints how many steps were the same; throws at the first that is not.
 */
import * as original from '@kvorum/consensus';
import { deepCopy, textOf } from './copies.js';
import { blankDisk, recovered, written } from './disk.js';
import { openCores } from './opened-core.js';

const MEMBERS = [1, 2, 3];
const RUNS = 20;
const STEPS = 300;

const opened = await openCores([])();
let steps = 0;
let decided = 0;
for (let seed = 1; seed <= RUNS; seed += 1) run(randomOf(seed));
process.stdout.write(`${JSON.stringify({ steps, decided })}\n`);

function run(below) {
  const messages = [];
  const nodes = MEMBERS.map((id) => started({ id, disk: blankDisk(original), pending: [] }));
  for (let count = 0; count < STEPS; count += 1) {
    const node = nodes[below(MEMBERS.length)];
    const leader = nodes.find(({ plain }) => plain.leading) ?? node;
    const dice = below(100);
    if (dice < 60 && messages.length > 0) {
      const { from, to, message } = messages.splice(Math.max(0, messages.length - 1 - below(8)), 1)[0];
      take(nodes[to - 1], { type: 'message', from, message }, messages);
    } else if (dice < 80) write(node, messages);
    else if (dice < 86) take(leader, { type: 'propose', ticket: count, entry: entryOf(count) }, messages);
    else if (dice < 90) take(leader, { type: 'read', ticket: count }, messages);
    else if (dice < 99) take(node, { type: 'heartbeat-round', replies: answersFor(node, nodes, below) }, messages);
    else Object.assign(node, started({ ...node, pending: [] }));
  }
  decided += Math.max(...nodes.map(({ plain }) => plain.decidedIndex));
}

function started({ id, disk, pending }) {
  const options = { self: id, members: MEMBERS, recovered: recovered(disk) };
  return { id, disk, pending, plain: new original.SequencePaxos(options), copied: new opened.SequencePaxos(options) };
}

function take(node, input, messages) {
  const before = textOf(node.copied);
  const copy = deepCopy(node.copied);
  same(textOf(copy), before, 'a copy');
  const effects = node.plain.step([input]);
  same(textOf(copy.step([input])), textOf(effects), 'the effects of a step');
  same(textOf(node.copied), before, 'what was copied');
  node.copied = copy;
  same(textOf(looks(copy)), textOf(looks(node.plain)), 'a replica after a step');
  steps += 1;
  const post = ({ to, message }) => messages.push({ from: node.id, to, message });
  effects.send.forEach(post);
  node.pending.push({ persist: effects.persist, release: () => effects.sendAfterPersist.forEach(post) });
}

function write(node, messages) {
  const next = node.pending.shift();
  if (next === undefined) return;
  if (next.persist !== undefined) node.disk = written(node.disk, next.persist, original);
  next.release();
  if (next.persist !== undefined) take(node, { type: 'persisted', receipt: next.persist.receipt }, messages);
}

function answersFor(node, nodes, below) {
  const others = nodes.filter(({ id }) => id !== node.id && below(3) > 0);
  return new Map(others.map(({ id, plain }) => [id, { ...plain.heartbeat(), happy: below(9) === 0 }]));
}

function entryOf(count) {
  return { kind: 'command', payload: new Uint8Array([count & 255]) };
}

function looks(replica) {
  const { decidedIndex, applicableIndex, promisedBallot, leading, hasQuorum, seesLeader, term, logLength } = replica;
  const log = replica.entries(0, logLength);
  return [
    decidedIndex,
    applicableIndex,
    promisedBallot,
    leading,
    hasQuorum,
    seesLeader,
    term,
    log,
    replica.heartbeat(),
  ];
}

function same(found, expected, what) {
  if (found !== expected) throw new Error(`${what} is not the same:\n${found}\n${expected}`);
}

/** Whole numbers from 0 on, below the one that is asked for. */
function randomOf(seed) {
  let state = seed;
  return (end) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
}
