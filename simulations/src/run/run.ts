/**
 * One run of a scenario: a world, its load, the faults the scenario inflicts, and everything that must hold at the end.
 */
import type { Layout, Limits } from '@kvorum/common';
import { decodeUtf8, defaultTimings, encodeUtf8, groupOfKey, marked, settingsWith, takeMarks } from '@kvorum/common';
import type { ClientCore } from '@kvorum/client/core';
import type { ProtocolTable } from '@kvorum/server/core';
import { Agreement } from './agreement.ts';
import type { HistoryFigures } from '../checkers/index.ts';
import {
  activityBetween,
  checkHistory,
  countIncrements,
  differingGroups,
  exactlyOnceComplaints,
  sessionComplaints,
  sumComplaints,
  vacuityComplaints,
} from '../checkers/index.ts';
import type { Deed } from '../faults/nemesis.ts';
import { Nemesis } from '../faults/nemesis.ts';
import type { WorkloadOptions } from '../workload/workload.ts';
import { defaultWorkload, sumOf, Workload } from '../workload/workload.ts';
import type { ProcessId } from '../world/network.ts';
import { processName } from '../world/process-name.ts';
import type { Branch } from '../world/random-stream.ts';
import { RandomStream } from '../world/random-stream.ts';
import { World } from '../world/world.ts';

export interface RunOptions {
  readonly seed: number;
  /** Simulated seconds of load and faults. */
  readonly seconds: number;
  /** Instead of what the scenario says. */
  readonly nodes?: number | undefined;
  /** At most so many clients. */
  readonly clients?: number | undefined;
  /** At most so many operations of the load. */
  readonly operations?: number | undefined;
  /** Numbers of faults that are left out. */
  readonly without?: readonly number[] | undefined;
  /** Where it parts from the run of its seed, by time. */
  readonly branches?: readonly Branch[] | undefined;
  /** The longest turn of an event loop, microseconds. Default: by the seed. */
  readonly turnUsMax?: number | undefined;
}

/** What holds for any run, and was checked. */
export interface RunVerdict {
  readonly name: string;
  /** What was looked at. */
  readonly detail: string;
  /** Empty if it holds. */
  readonly complaints: readonly string[];
}

export interface RunResult {
  readonly scenario: string;
  readonly seed: number;
  /** What did not hold; empty for a pass. */
  readonly complaints: readonly string[];
  /** Of the checks that every run has; what a scenario asks besides is in the complaints only. */
  readonly verdicts: readonly RunVerdict[];
  readonly traceHash: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly figures: HistoryFigures | undefined;
  readonly deeds: readonly Deed[];
  /** How often rare branches of the product were taken. */
  readonly marks: Readonly<Record<string, number>>;
  /**
   * Events and measurements of the scenario; a name that ends in ` ms` is a time, of which the longest counts, one that ends in
   * ` share` a share from 0 to 1, of which the least does.
   */
  readonly counts: Readonly<Record<string, number>>;
  /** The last lines of the trace. */
  readonly trace: readonly string[];
}

export interface Scenario {
  readonly name: string;
  /** What happens and what must hold. */
  readonly summary: string;
  readonly nodes: number;
  readonly partitions?: number;
  readonly replication?: number;
  /** Instead of these, what the seed says. */
  shape?(random: RandomStream): Shape;
  /** Simulated seconds unless told otherwise. */
  readonly seconds: number;
  /** The longest turn of an event loop, microseconds. Default: by the seed. */
  readonly turnUsMax?: number;
  /** Its faults are a random mix, some of which may meet nothing. */
  readonly mixed?: boolean;
  /** Limits that are smaller than in production. */
  limits?(random: RandomStream): Partial<Limits>;
  /** What the groups that hold keys run, and what nodes know. Default: as in production. */
  readonly protocol?: string;
  readonly protocols?: ProtocolTable;
  run(run: Run): void;
}

/** Below them a run proves too little: shares of the operations that the load could do, 0 to 1. */
export interface ActivityBounds {
  /** Answered, in the whole run. */
  readonly okShareMin: number;
  /** Answered while there were faults; as in the whole run unless it is told. */
  readonly faultyShareMin?: number;
  /** Answered of those that were asked, 0.9 unless it is told. */
  readonly okRateMin?: number;
}

export interface Shape {
  readonly nodes: number;
  readonly replication: number;
  readonly partitions: number;
}

interface Probe {
  readonly core: ClientCore;
  readonly keys: readonly Uint8Array[];
}

/** Stops a run whose next steps make no sense any more. */
class Abandoned extends Error {}

/** The unit in which elections are measured. */
export const ELECTION_TIMEOUT_MS = defaultTimings.electionTimeoutMs;

const FORMATION_MS_MAX = 2000;
const LEADER_MS_MAX = 3000;
/** After the last fault: every group serves again within this time. */
const RECOVERY_MS_MAX = 5000;
/** When nothing is written any more: replicas are equal within this time and that of a transfer. */
const EQUAL_MS_MAX = 10 * ELECTION_TIMEOUT_MS;
const TRANSFER_MS_MAX = 1000;
/** Whatever was asked is answered by then: the longest wait is for a request that was passed on and lost. */
const FORGOTTEN_MS_MAX = 10_000;
/** Faults that are over sooner say nothing of what is answered meanwhile. */
const FAULTY_MS_MIN = 1000;
/** Of the operations that are needed, next to another one on their key. */
const OVERLAPPING_SHARE_MIN = 0.03;
const PROBE_PAUSE_US = 10_000;
/** Comparing states takes time. */
const LOOK_MS = 20;

export class Run {
  readonly world: World;
  readonly nemesis: Nemesis;
  readonly options: RunOptions;
  readonly limits: Limits;
  /** For the scenario's own choices. */
  readonly random: RandomStream;
  readonly counts: Record<string, number> = {};
  readonly #agreement: Agreement;
  readonly #mixed: boolean;
  readonly #complaints: string[] = [];
  readonly #verdicts: RunVerdict[] = [];
  #load: Workload | undefined;
  #probe: Probe | undefined;
  #figures: HistoryFigures | undefined;
  /** When the faults first were over. */
  #healedMs: number | undefined;

  constructor(scenario: Scenario, options: RunOptions) {
    const { protocol, protocols } = scenario;
    const shape = scenario.shape?.(new RandomStream(options.seed, 'shape')) ?? scenario;
    const nodes = options.nodes ?? shape.nodes;
    const limits = scenario.limits?.(new RandomStream(options.seed, 'limits')) ?? {};
    const settings = settingsWith({ limits });
    this.world = new World({
      seed: options.seed,
      turnUsMax: options.turnUsMax ?? scenario.turnUsMax,
      nodes,
      settings,
      ...(protocol === undefined ? {} : { protocol }),
      ...(protocols === undefined ? {} : { protocols }),
      partitions: shape.partitions ?? 4,
      replication: Math.min(shape.replication ?? 3, nodes),
    });
    for (const branch of options.branches ?? []) this.world.branch(branch);
    this.nemesis = new Nemesis(this.world, new Set(options.without));
    this.options = options;
    this.limits = settings.limits;
    this.random = this.world.random.stream('faults');
    this.#agreement = new Agreement(this.world);
    this.#mixed = scenario.mixed === true;
  }

  get complaints(): readonly string[] {
    return this.#complaints;
  }

  /** What was checked so far. */
  get verdicts(): readonly RunVerdict[] {
    return this.#verdicts;
  }

  get figures(): HistoryFigures | undefined {
    return this.#figures;
  }

  get load(): Workload {
    if (this.#load === undefined) throw new Error('the scenario has no load');
    return this.#load;
  }

  get durationMs(): number {
    return this.options.seconds * 1000;
  }

  expect(holds: boolean, complaint: string): void {
    if (!holds) this.#complaints.push(complaint);
  }

  /** As {@link expect}, where nothing after it makes sense if it fails. */
  require(holds: boolean, complaint: string): void {
    if (holds) return;
    this.#complaints.push(complaint);
    throw new Abandoned(complaint);
  }

  count(name: string, by = 1): void {
    this.counts[name] = (this.counts[name] ?? 0) + by;
  }

  /** Notes a time, of which the longest counts. */
  longest(name: string, ms: number): void {
    this.counts[name] = Math.max(this.counts[name] ?? 0, ms);
  }

  /** Notes a share, of which the least counts. */
  least(name: string, share: number): void {
    this.counts[name] = Math.min(this.counts[name] ?? Infinity, share);
  }

  /** Starts every node and waits until all groups have leaders. */
  form(): void {
    this.world.startInOrder();
    this.require(
      this.world.runUntil(() => this.allHealthy(), FORMATION_MS_MAX),
      'the cluster did not form within 2 s',
    );
    // Its connections are there before anything happens to them.
    this.requireProgress(FORMATION_MS_MAX, 'after the formation');
  }

  /** The process that leads the group, as soon as one does. */
  leaderOf(group: number): ProcessId {
    const find = (): ProcessId | undefined =>
      this.world.up.find((process) => this.world.node(process)?.group(group)?.serves === true);
    this.require(
      this.world.runUntil(() => find() !== undefined, LEADER_MS_MAX),
      `group ${group} has no leader`,
    );
    return find() as ProcessId;
  }

  allHealthy(): boolean {
    return this.world.processes.every((process) => this.world.node(process)?.healthy === true);
  }

  startLoad(options: Partial<WorkloadOptions> = {}): void {
    const wanted = { ...defaultWorkload, ...options };
    const clients = Math.min(wanted.clients, this.options.clients ?? Infinity);
    const operationsMax = this.options.operations ?? Infinity;
    this.#load = new Workload(this.world, { ...wanted, clients, operationsMax });
  }

  /** Ends all faults, starts what is down, and requires that writes are acknowledged again. */
  heal(): void {
    this.nemesis.heal();
    this.#healedMs ??= this.world.nowMs;
    this.longest('progress after healing ms', this.requireProgress(RECOVERY_MS_MAX, 'after healing'));
  }

  /** Requires an acknowledged write in every group within the time; returns how long it took, milliseconds. */
  requireProgress(limitMs: number, when: string): number {
    const { core, keys } = this.#openProbe();
    const startMs = this.world.nowMs;
    const open = new Set(keys);
    const put = (key: Uint8Array): void => {
      const leftMs = startMs + limitMs - this.world.nowMs;
      if (leftMs <= 0) return;
      core.submit({ type: 'put', key, value: key }, leftMs, (outcome) => {
        // Its session may have expired while it was away; another put will do.
        if (outcome instanceof Error) this.world.schedule.after(PROBE_PAUSE_US, () => put(key));
        else open.delete(key);
      });
    };
    for (const key of keys) put(key);
    this.require(
      this.world.runUntil(() => open.size === 0, limitMs),
      `no progress ${when} within ${limitMs} ms`,
    );
    return this.world.nowMs - startMs;
  }

  /** A client that is there from the first time on, and a key in every group. */
  #openProbe(): Probe {
    if (this.#probe !== undefined) return this.#probe;
    const { core } = this.world.client();
    let layout: Layout | undefined;
    core.whenReady(RECOVERY_MS_MAX, (outcome) => {
      if (!(outcome instanceof Error)) layout = outcome;
    });
    this.world.runUntil(() => layout !== undefined, RECOVERY_MS_MAX);
    this.require(layout !== undefined, 'a new client did not learn the layout');
    const keys = new Map<number, Uint8Array>();
    for (let probe = 0; layout !== undefined && keys.size < this.world.options.partitions; probe += 1) {
      const key = encodeUtf8(`probe-${probe}`);
      keys.set(groupOfKey(layout, key), key);
    }
    this.#probe = { core, keys: [...keys.values()] };
    return this.#probe;
  }

  /** Ends the load and checks everything that holds for any run. */
  finish({ okShareMin, faultyShareMin = okShareMin, okRateMin = 0.9 }: ActivityBounds): void {
    this.load.stop();
    const ended = this.world.runUntil(() => this.load.idle, 30_000);
    const open = 'operations were still open 30 s after the load ended';
    this.#judge('every operation ended', `${this.load.calls.length} operations`, ended ? [] : [open]);
    if (!ended) throw new Abandoned(open);
    const quietMs = this.world.nowMs;
    const prompt = `${this.load.calls.length} operations`;
    const lost = marked('session-lost-with-unknown-outcome');
    const early = `${this.load.endedUnknown} operations ended early with an unknown outcome, of ${lost} that lost their session`;
    this.#judge('each operation ends in its time, as a client may end it', prompt, [
      ...this.load.complaints.list(),
      ...(this.load.endedUnknown > lost ? [early] : []),
    ]);
    this.#checkNodes();
    this.#checkForgotten();
    this.#checkReplicas(quietMs);
    this.#checkCounters();
    this.#checkSums();
    const { calls } = this.load;
    const { verdict, figures, findings } = checkHistory(calls);
    this.#figures = figures;
    const explanation = `${verdict}: ${findings.map((finding) => finding.explanation).join('\n')}`;
    const checked = `${figures.checkedOperations} operations on ${figures.keys} keys`;
    this.#judge('linearizable', checked, verdict === 'linearizable' ? [] : [explanation]);
    this.#judge('session guarantees', checked, sessionComplaints(calls));
    const okMin = this.#expected(this.load.possible(), okShareMin);
    this.least('answered of what was possible share', figures.ok / this.load.possible());
    this.least('answered of what was asked share', figures.ok / figures.calls);
    const much = `${figures.ok} operations answered, ${figures.overlapping} of them next to another on their key`;
    this.#judge('enough happened', much, [
      ...vacuityComplaints(figures, { okMin, okRateMin, overlappingMin: okMin * OVERLAPPING_SHARE_MIN }),
      ...this.#vacuousFaults(faultyShareMin),
    ]);
    const { compared, complaints } = this.#agreement;
    this.count('decided entries compared', compared);
    const nothing = compared > 0 || this.#copies < 2 ? [] : ['no decided entry was seen on two replicas'];
    this.#judge('logs and states agree', `${compared} decided entries compared`, [...complaints, ...nothing]);
  }

  #judge(name: string, detail: string, complaints: readonly string[]): void {
    this.#verdicts.push({ name, detail, complaints });
    this.#complaints.push(...complaints);
  }

  #checkCounters(): void {
    const { core } = this.world.client();
    const complaints: string[] = [];
    let total = 0;
    for (const key of this.load.counterKeys) {
      let final: number | undefined;
      core.submit({ type: 'get', key: encodeUtf8(key) }, 5000, (outcome) => {
        if (outcome instanceof Error) complaints.push(`counter ${key} could not be read: ${outcome.message}`);
        final =
          outcome instanceof Error || outcome.type !== 'value' || !outcome.found
            ? 0
            : Number(decodeUtf8(outcome.found.value));
      });
      this.world.runUntil(() => final !== undefined, 6000);
      const increments = countIncrements(this.load.calls, key);
      complaints.push(...exactlyOnceComplaints({ key, increments, final: final ?? 0 }));
      total += increments.reduce((sum, entry) => sum + entry.acknowledged, 0);
    }
    this.count('increments acknowledged', total);
    this.#judge('counters count each increment once', `${total} increments acknowledged`, complaints);
  }

  #checkSums(): void {
    const { sums, sumKeys } = this.load;
    const complaints: string[] = [];
    for (const key of sumKeys) {
      const final = this.#readSum(key);
      if (final === undefined) complaints.push(`sum ${key} could not be read`);
      else {
        complaints.push(
          ...sumComplaints(
            key,
            sums.filter((call) => call.key === key),
            final,
          ),
        );
      }
    }
    const additions = sums.filter(({ kind, value }) => kind === 'add' && value !== 'unknown').length;
    this.count('additions acknowledged', additions);
    this.#judge('sums count each addition once, in order', `${additions} additions acknowledged`, complaints);
  }

  #readSum(key: string): number | undefined {
    const { core } = this.world.client();
    let done = false;
    let final: number | undefined;
    core.submit({ type: 'get', key: encodeUtf8(key) }, 5000, (outcome) => {
      done = true;
      final = sumOf(outcome);
    });
    this.world.runUntil(() => done, 6000);
    return final;
  }

  /** Every node is back whose disk let it, and no node found damage that its disk did not suffer. */
  #checkNodes(): void {
    const { world } = this;
    const missing = (): number[] => world.sound.filter((process) => world.node(process)?.healthy !== true);
    world.runUntil(() => missing().length === 0, RECOVERY_MS_MAX);
    const complaints = missing().map(
      (process) => `${processName(process)} is not back: ${world.brokenBecause(process) ?? 'down'}`,
    );
    this.#judge(
      'every node is back',
      `${world.sound.length} of ${world.processes.length} with a sound disk`,
      complaints,
    );
  }

  /** Also what nobody waits for any more is answered: a node forgets no request. */
  #checkForgotten(): void {
    const { world } = this;
    const forgetful = (): ProcessId[] => world.up.filter((process) => (world.node(process)?.pendingRequests ?? 0) > 0);
    world.runUntil(() => forgetful().length === 0, FORGOTTEN_MS_MAX);
    const complaints = forgetful().map(
      (process) => `${processName(process)} has not answered ${world.node(process)?.pendingRequests} requests`,
    );
    this.#judge('no request is forgotten', `by ${world.up.length} nodes`, complaints);
  }

  /** How many replicas of a group there are to compare, at least. */
  get #copies(): number {
    return Math.min(2, this.world.options.replication);
  }

  /** Once nothing moves any more, since `quietMs`, every replica of a group has the same state on disk. */
  #checkReplicas(quietMs: number): void {
    const differing = (): number[] => differingGroups(this.#agreement.states(), this.#copies);
    const limitMs = quietMs + EQUAL_MS_MAX + TRANSFER_MS_MAX - this.world.nowMs;
    const settled = this.world.runUntil(() => differing().length === 0, Math.max(0, limitMs), LOOK_MS);
    const tookMs = this.world.nowMs - quietMs;
    const complaints = settled ? [] : [`replicas differ in groups ${differing().join(', ')}`];
    this.#judge('replicas become equal', `after ${tookMs} ms`, complaints);
    this.longest('replicas equal after ms', tookMs);
  }

  /** Kinds of faults that did nothing in the whole run. In a random mix one may meet nothing a few times. */
  #idleKinds(inflicted: readonly Deed[]): string[] {
    const kinds = [...new Set(inflicted.map(({ kind }) => kind))];
    return kinds.flatMap((kind) => {
      const deeds = inflicted.filter((deed) => deed.kind === kind);
      const enough = this.#mixed ? deeds.length >= IDLE_DEEDS_MAX : true;
      return enough && !deeds.some(({ fired }) => fired) ? [`no ${kind} did anything, of ${deeds.length}`] : [];
    });
  }

  /** How many must be answered, with room for the chance that there is where they are few. */
  #expected(possible: number, shareMin: number): number {
    const expected = shareMin * possible;
    return Math.max(1, Math.floor(expected - 2 * Math.sqrt(expected)));
  }

  /** Why the faults prove too little: none did anything, or less was answered meanwhile than must be. */
  #vacuousFaults(okShareMin: number): string[] {
    const inflicted = this.nemesis.deeds.filter((deed) => !deed.spared);
    const [first] = inflicted.filter((deed) => deed.fired);
    if (first === undefined) return inflicted.length === 0 ? [] : ['no fault did anything'];
    const untilMs = this.#healedMs ?? this.world.nowMs;
    const complaints = this.#idleKinds(inflicted);
    if (untilMs - first.atMs < FAULTY_MS_MIN) return complaints;
    const possible = this.load.possible(first.atMs, untilMs);
    const needed = this.#expected(possible, okShareMin);
    const { ok, overlapping } = activityBetween(this.load.calls, first.atMs * 1000, untilMs * 1000);
    this.least('answered under faults share', ok / possible);
    if (ok < needed) complaints.push(`only ${ok} operations were answered under faults, ${needed} needed`);
    if (overlapping < Math.floor(needed * OVERLAPPING_SHARE_MIN))
      complaints.push(`only ${overlapping} operations under faults overlap another`);
    return complaints;
  }
}

/** What is inflicted so often and never has an effect is not what it says that it is. */
const IDLE_DEEDS_MAX = 12;

export function runScenario(scenario: Scenario, options: RunOptions): RunResult {
  takeMarks();
  const run = new Run(scenario, options);
  let thrown: string | undefined;
  try {
    scenario.run(run);
  } catch (error) {
    if (!(error instanceof Abandoned)) thrown = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const { network, trace } = run.world;
  return {
    scenario: scenario.name,
    seed: options.seed,
    complaints: thrown === undefined ? run.complaints : [...run.complaints, `threw ${thrown}`],
    verdicts: run.verdicts,
    traceHash: trace.hash,
    simulatedMs: run.world.nowMs,
    events: trace.events,
    figures: run.figures,
    deeds: run.nemesis.report(),
    marks: takeMarks(),
    counts: { ...run.counts, ...network.figures },
    trace: trace.lines,
  };
}
