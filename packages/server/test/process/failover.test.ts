/**
 * A server dies without a word, stands still or leaves while clients write: how long they wait, and how it comes back.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { sharedBench } from './support/bench.ts';
import { Cluster } from './support/cluster.ts';
import { until } from './support/deadline.ts';
import { SteadyLoad } from './support/load.ts';
import { print } from './support/print.ts';

const OUTSTANDING = 50;
/** The design's bar: "gap seen by a client on leader kill with the default settings: at most 1 s". */
const GAP_MS_MAX = 1000;
/** A server that stands still keeps its connections: a client leaves it after its attempt timeout of a second. */
const STANDSTILL_GAP_MS_MAX = 1500;
/** Writes of each group before a fault, after it and after the return. */
const PHASE_WRITES = 100;

describe('under load', () => {
  const bench = sharedBench();
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.form(bench, 3);
  }, 30_000);

  /** How many groups the server leads; makes sure that it leads some. */
  async function leaderships(place: number): Promise<number> {
    return until(`group led by server ${place}`, 5000, async () => {
      const { groups } = await cluster.server(place).status();
      return groups.filter((group) => group.leading).length;
    });
  }

  async function busiestLeader(): Promise<{ place: number; led: number }> {
    const statuses = await cluster.statuses();
    const leads = statuses.map(({ groups }) => groups.filter((group) => group.leading).length);
    const led = Math.max(...leads);
    return { place: leads.indexOf(led), led };
  }

  it.each([0, 1, 2])('SIGKILL of server %i: writes go on within a second, and it catches up', async (place) => {
    const load = await SteadyLoad.start(cluster.client(), OUTSTANDING, `kill-${place}`);
    await load.progress(PHASE_WRITES);
    const led = await leaderships(place);
    const before = load.takeGap();

    await cluster.server(place).end('SIGKILL');
    await load.progress(PHASE_WRITES);
    const killed = load.takeGap();

    cluster.start(place);
    await cluster.healthy();
    await load.progress(PHASE_WRITES);
    const back = load.takeGap();
    await load.stop();
    const applied = await cluster.caughtUp();

    print(
      `SIGKILL of server ${place}, leader of ${led} groups, ${load.acked.size} writes: longest gap of a group ` +
        `${killed.text}; before ${before.text}, at the return ${back.text}`,
    );
    expect(load.failed).toEqual([]);
    expect(applied.size).toBe(13);
    expect(killed.ms).toBeLessThanOrEqual(GAP_MS_MAX);
    expect(back.ms).toBeLessThanOrEqual(GAP_MS_MAX);
  });

  it('SIGSTOP of a server that leads: writes go on elsewhere, and it follows when it goes on', async () => {
    const load = await SteadyLoad.start(cluster.client(), OUTSTANDING, 'stop');
    await load.progress(PHASE_WRITES);
    const { place, led } = await busiestLeader();
    load.takeGap();

    const server = cluster.server(place);
    server.signal('SIGSTOP');
    try {
      // Every worker that waits for the stopped one has gone elsewhere by then.
      await load.progress(PHASE_WRITES);
    } finally {
      server.signal('SIGCONT');
    }
    const stopped = load.takeGap();
    await cluster.healthy();
    await load.progress(PHASE_WRITES);
    const back = load.takeGap();
    await load.stop();
    await cluster.caughtUp();

    print(`SIGSTOP of the leader of ${led} groups: ${stopped.text}; after SIGCONT ${back.text}`);
    expect(load.failed).toEqual([]);
    expect(stopped.ms).toBeLessThanOrEqual(STANDSTILL_GAP_MS_MAX);
    expect(back.ms).toBeLessThanOrEqual(GAP_MS_MAX);
  });

  it('SIGTERM of a server that leads: no write fails, and the others take over within a second', async () => {
    const load = await SteadyLoad.start(cluster.client(), OUTSTANDING, 'term');
    await load.progress(PHASE_WRITES);
    const { place, led } = await busiestLeader();
    load.takeGap();
    const exit = await cluster.server(place).end('SIGTERM');
    await load.progress(PHASE_WRITES);
    const left = load.takeGap();
    cluster.start(place);
    await cluster.healthy();
    await load.stop();
    await cluster.caughtUp();

    print(`SIGTERM of the leader of ${led} groups: ${left.text}`);
    expect(exit).toEqual({ code: 0, signal: null });
    expect(load.failed).toEqual([]);
    expect(left.ms).toBeLessThanOrEqual(GAP_MS_MAX);
  });
});
