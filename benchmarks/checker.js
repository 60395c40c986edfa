/**
 * How long the linearizability checker of the simulations takes: one long key, a run of many keys, the histories a
 * simulation usually has, and the same with one stale read near the end. Every case has a process of its own, so that
 * the memory is that of the case. `npm run bench:checker`, or `-- --case NAME` for one.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkHistory } from '../simulations/dist/checkers/index.js';

const { values: flags } = parseArgs({
  options: {
    case: { type: 'string' },
    seed: { type: 'string', default: '1' },
    times: { type: 'string', default: '5' },
  },
});

/** Operations. */
const COMPILED_AFTER = 100_000;
/** `clients` stay at one key each; with `roaming` they choose a key for every operation. `values` 0: all unique. */
const key = { operations: 10_000, keys: 1, clients: 10, unknownPercent: 2, values: 0, roaming: false, stale: false };
const run = { ...key, operations: 1_000_000, keys: 128, clients: 128 * 8 };
const usual = { ...key, keys: 8, clients: 8, unknownPercent: 0.5, roaming: true };
const cases = {
  key,
  'key-12': { ...key, clients: 12, unknownPercent: 5 },
  'key-values': { ...key, values: 3 },
  'key-stale': { ...key, stale: true },
  'key-values-stale': { ...key, values: 3, stale: true },
  'key-12-stale': { ...key, clients: 12, unknownPercent: 5, stale: true },
  'usual-500': { ...usual, operations: 500 },
  'usual-12000': { ...usual, operations: 12_000 },
  run,
  'run-stale': { ...run, stale: true },
};

if (flags.case === undefined) {
  for (const name of Object.keys(cases)) {
    const child = [...process.execArgv, fileURLToPath(import.meta.url), '--case', name, '--seed', flags.seed];
    const { status } = spawnSync(process.execPath, [...child, '--times', flags.times], { stdio: 'inherit' });
    process.exitCode ||= status ?? 1;
  }
} else {
  measure(flags.case, cases[flags.case]);
}

/**
 * The first time is what a short-lived process pays; the least of all is the speed once compiled. On a busy machine the
 * processor time, which includes that of the compiler and the garbage collector, says more.
 */
function measure(name, shape) {
  if (shape === undefined) throw new Error(`no such case: ${name}; there are ${Object.keys(cases).join(', ')}`);
  const calls = historyOf(shape, Number(flags.seed));
  if (shape.stale) makeStale(calls);
  const historyMiB = process.resourceUsage().maxRSS / 1024;
  const times = [];
  const cpuMs = [];
  let result;
  // A small history is over before anything is compiled.
  const count = Math.max(Number(flags.times), Math.ceil(COMPILED_AFTER / calls.length));
  for (let time = 0; time < count; time++) {
    const startMs = performance.now();
    const start = process.cpuUsage();
    result = checkHistory(calls);
    times.push(performance.now() - startMs);
    const { user, system } = process.cpuUsage(start);
    cpuMs.push((user + system) / 1000);
  }
  const bestMs = Math.min(...times);
  const wanted = shape.stale ? 'violation' : 'linearizable';
  if (result.verdict !== wanted) process.exitCode = 1;
  const { figures } = result;
  process.stdout.write(
    `${name}: ${calls.length} operations (${figures.indeterminate} indeterminate, ${figures.keys} keys, ` +
      `${figures.concurrencyMax} at a time), ${result.verdict}${result.verdict === wanted ? '' : ` NOT ${wanted}`}, ` +
      `${result.steps} steps; first ${(times[0] / 1000).toFixed(3)} s, best ${(bestMs / 1000).toFixed(3)} s ` +
      `(processor ${(cpuMs[0] / 1000).toFixed(3)} and ${(Math.min(...cpuMs) / 1000).toFixed(3)} s), ` +
      `${Math.round((calls.length / bestMs) * 1000)} operations/s, ${((bestMs / calls.length) * 1000).toFixed(2)} us each; ` +
      `memory peak ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB, ${Math.round(historyMiB)} MiB without the check\n`,
  );
}

/** Correct registers, and what their clients see: each event invokes, applies or ends one client's operation. */
function historyOf(shape, seed) {
  const draw = drawFrom(seed);
  const keys = Array.from({ length: shape.keys }, (_, at) => ({ name: `key-${at}`, value: undefined, version: 0 }));
  const clients = Array.from({ length: shape.clients }, (_, id) => ({
    id,
    home: id,
    seen: new Map(),
    call: undefined,
  }));
  const calls = [];
  const late = [];
  let started = 0;
  let nextId = shape.clients;
  let nextValue = 0;
  let now = 0;
  while (calls.length < shape.operations) {
    now++;
    if (late.length > 0 && draw(20) === 0) apply(late.splice(draw(late.length), 1)[0]);
    const client = clients[draw(clients.length)];
    const { call } = client;
    if (call === undefined) {
      if (started < shape.operations) client.call = invoke(client);
    } else if (draw(1000) < shape.unknownPercent * 5) {
      // A call has two occasions to get lost: before it took effect and before its answer.
      if (call.result === undefined && draw(2) === 0) late.push({ ...call });
      end(client, 'unknown', Infinity);
      client.id = nextId++;
    } else if (call.result === undefined) {
      call.result = apply(call);
    } else {
      client.seen.set(call.register, { value: call.register.value, version: call.register.version });
      end(client, call.result, now);
    }
  }
  return calls;

  function invoke({ id, home, seen }) {
    started++;
    const register = keys[shape.roaming ? draw(keys.length) : home % keys.length];
    const fields = { client: id, register, key: register.name, invokedAt: now, result: undefined };
    const last = seen.get(register);
    const value = `v${shape.values === 0 ? nextValue++ : draw(shape.values)}`;
    const dice = draw(100);
    if (dice < 40) return { ...fields, kind: 'get' };
    if (dice < 65) return { ...fields, kind: 'put', value };
    if (dice < 80) return { ...fields, kind: 'cas', expected: last?.value, next: value };
    const expectedVersion = last?.value === undefined ? 0 : last.version;
    if (dice < 92) return { ...fields, kind: 'casVersion', expectedVersion, next: value };
    return { ...fields, kind: 'delete' };
  }

  function end(client, result, returnedAt) {
    calls.push({ ...client.call, register: undefined, result, returnedAt });
    client.call = undefined;
  }
}

function apply(call) {
  const { register } = call;
  const version = register.value === undefined ? undefined : register.version;
  const observed = { value: register.value, version };
  const write = (value) => {
    register.value = value;
    return { version: ++register.version };
  };
  switch (call.kind) {
    case 'get':
      return observed;
    case 'put':
      return write(call.value);
    case 'cas':
      return register.value === call.expected
        ? { applied: true, ...write(call.next) }
        : { applied: false, ...observed };
    case 'casVersion':
      return (version ?? 0) === call.expectedVersion
        ? { applied: true, ...write(call.next) }
        : { applied: false, ...observed };
    default:
      if (register.value !== undefined) return { existed: true, ...write(undefined) };
      register.version = Math.max(1, register.version);
      return { existed: false, version: register.version };
  }
}

/** The last read of a value answers what the first read of another value on its key was answered. */
function makeStale(calls) {
  const isRead = (call) => call.kind === 'get' && call.result.value !== undefined;
  const late = calls.findLast((call) => isRead(call));
  const early = calls.find((call) => isRead(call) && call.key === late.key && call.result.value !== late.result.value);
  late.result = early.result;
}

/** Xorshift32; below the bound with a bias that does not matter here. */
function drawFrom(seed) {
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}
