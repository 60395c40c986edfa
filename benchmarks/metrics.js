/**
 * What measuring costs: a call of each kind of handle, and a scrape of a node with 256 groups of seven gauges each.
 * `npm run bench:metrics`.
 */
import { MetricsRegistry } from '@kvorum/common';
import { metricsText } from '../packages/server/dist/adapters/http/metrics-text.js';

const CALLS = 20_000_000;
const SCRAPES = 200;
/** Groups 0 to 256, seven gauges of each. */
const GROUP_SERIES = 7 * 257;

const metrics = new MetricsRegistry();
const counter = metrics.counter('peer_frames_dropped_total', { peer: 'n2' });
const gauge = metrics.gauge('client_connections');
const histogram = metrics.histogram('log_sync_duration_seconds');
const bytes = metrics.histogram('log_commit_bytes');

const print = (line) => process.stdout.write(`${line}\n`);

function nanosecondsPerCall(call) {
  // Once to have it compiled, once to measure.
  let ns = 0;
  for (let round = 0; round < 2; round += 1) {
    const startedMs = performance.now();
    for (let n = 0; n < CALLS; n += 1) call(n);
    ns = ((performance.now() - startedMs) * 1e6) / CALLS;
  }
  return ns.toFixed(1);
}

print(`an empty call ${nanosecondsPerCall(() => undefined)} ns`);
print(`counter.add ${nanosecondsPerCall(() => counter.add(1))} ns`);
print(`gauge.set ${nanosecondsPerCall((n) => gauge.set(n))} ns`);
print(`histogram.observe ${nanosecondsPerCall((n) => histogram.observe((n & 0xfffff) * 1e-6))} ns`);
print(`histogram.observe, of bytes ${nanosecondsPerCall((n) => bytes.observe(n & 0xffffff))} ns`);

for (let n = 0; n < GROUP_SERIES; n += 1) metrics.gauge('peer_backlog_bytes', { peer: `n${n}` }).set(n * 1000);
const times = [];
let text = '';
for (let n = 0; n < SCRAPES; n += 1) {
  const startedMs = performance.now();
  text = metricsText(metrics);
  times.push(performance.now() - startedMs);
}
const first = times[0];
times.sort((a, b) => a - b);
const median = times[SCRAPES / 2];
const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
print(
  `a scrape of ${lines} series: median ${median.toFixed(2)} ms, the first ${first.toFixed(2)} ms, ${Math.round(text.length / 1024)} KB`,
);
