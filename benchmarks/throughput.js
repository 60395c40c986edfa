/**
 * Throughput and latency of a three-node cluster on this machine, from one client process with one outstanding operation
 * per loop. `npm run bench`; figures and the machine they are from are in docs/benchmarks.md.
 *
 * A process that was just started is compiled while it serves, for some seconds at half its speed: `--warm-up` has that pass
 * first. `--warm-up 0` measures it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { connect } from '@kvorum/client';
import { LocalCluster } from '@kvorum/local';

const { values: flags } = parseArgs({
  options: {
    outstanding: { type: 'string', default: '1,100,1000' },
    seconds: { type: 'string', default: '5' },
    'warm-up': { type: 'string', default: '10' },
    'value-bytes': { type: 'string', default: '100' },
    keys: { type: 'string', default: '100000' },
  },
});

const seconds = Number(flags.seconds);
const warmUpSeconds = Number(flags['warm-up']);
const value = new Uint8Array(Number(flags['value-bytes'])).fill(65);
const keys = Number(flags.keys);

const directory = await mkdtemp(path.join(tmpdir(), 'kvorum-bench-'));
const cluster = await LocalCluster.start(directory);
try {
  await cluster.ready();
  const client = await connect({ servers: cluster.addresses, timeoutMs: 10_000 });
  await keepOutstanding(1, warmUpSeconds / 2, (key) => client.put(key, value));
  await keepOutstanding(1, warmUpSeconds / 2, (key) => client.get(key));
  for (const outstanding of flags.outstanding.split(',').map(Number)) {
    await measure('put', outstanding, (key) => client.put(key, value));
    await measure('get', outstanding, (key) => client.get(key));
  }
  await client.close();
} finally {
  await cluster.stop();
  await rm(directory, { recursive: true, force: true });
}

/** Keeps so many operations outstanding for the time; returns how long each took, milliseconds. */
async function keepOutstanding(outstanding, forSeconds, operation) {
  const latencies = [];
  let next = 0;
  const endMs = performance.now() + forSeconds * 1000;
  const loop = async () => {
    for (let now = performance.now(); now < endMs;) {
      next += 1;
      await operation(`key-${next % keys}`);
      const done = performance.now();
      latencies.push(done - now);
      now = done;
    }
  };
  await Promise.all(Array.from({ length: outstanding }, loop));
  return latencies;
}

/** Prints what comes of so many outstanding operations. */
async function measure(name, outstanding, operation) {
  const startMs = performance.now();
  const latencies = await keepOutstanding(outstanding, seconds, operation);
  const perSecond = Math.round((latencies.length / (performance.now() - startMs)) * 1000);
  latencies.sort((a, b) => a - b);
  const at = (share) => (latencies[Math.floor(latencies.length * share)] ?? NaN).toFixed(2);
  process.stdout.write(
    `${name} ${outstanding} outstanding: ${perSecond} per second, median ${at(0.5)} ms, p99 ${at(0.99)} ms\n`,
  );
}
