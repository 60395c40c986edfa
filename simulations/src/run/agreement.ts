/**
 * Watches all replicas while a run goes on: what one shows as decided, every other one shows the same; and stored states
 * that have as many entries applied are equal, whenever they were.
 */
import { murmur3 } from '@kvorum/common';
import { encodeEntries } from '@kvorum/server/core';
import type { ReplicaState } from '../checkers/index.ts';
import { DecidedLogs, stateComplaints } from '../checkers/index.ts';
import type { ProcessId } from '../world/network.ts';
import type { World, WorldWatcher } from '../world/world.ts';

export class Agreement implements WorldWatcher {
  readonly #world: World;
  readonly #logs = new DecidedLogs();
  /** By process and group: up to where its decided entries were taken down in this life of it. */
  readonly #seen: number[][];
  readonly #lives: number[];
  /** States as they were when their nodes went down. */
  readonly #states: ReplicaState[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#seen = world.processes.map(() => []);
    this.#lives = world.processes.map(() => 0);
    world.watch(this);
  }

  get complaints(): readonly string[] {
    return [...this.#logs.complaints, ...stateComplaints([...this.#states, ...this.states()])];
  }

  /** What is on the disks that still are what they were. */
  states(processes = this.#world.sound): ReplicaState[] {
    const states: ReplicaState[] = [];
    for (const process of processes) {
      const disk = this.#world.disk(process);
      for (let group = 0; group <= this.#world.options.partitions; group += 1) {
        const appliedIndex = disk.appliedIndex(group);
        const isReplica = this.#world.node(process)?.group(group) !== undefined;
        if (isReplica || appliedIndex > 0)
          states.push({ group, process, appliedIndex, stateHash: disk.stateHash(group) });
      }
    }
    return states;
  }

  /** Entries that a second replica showed as well. */
  get compared(): number {
    return this.#logs.figures.confirmations;
  }

  onUp(process: ProcessId): void {
    this.#seen[process] = [];
    this.#lives[process] = (this.#lives[process] ?? 0) + 1;
  }

  onTurn(process: ProcessId): void {
    const node = this.#world.node(process);
    const seen = this.#seen[process];
    if (node === undefined || seen === undefined) return;
    for (let group = 0; group <= this.#world.options.partitions; group += 1) {
      const log = node.group(group)?.log;
      if (log === undefined) continue;
      const { decidedIndex } = log;
      const known = seen[group] ?? 0;
      if (decidedIndex === known) continue;
      this.#logs.progress(group, process, this.#lives[process] ?? 0, decidedIndex);
      seen[group] = decidedIndex;
      const from = Math.max(known, log.compactedIndex);
      if (from >= decidedIndex) continue;
      for (const [offset, entry] of log.entries(from, decidedIndex).entries()) {
        const hash = murmur3(encodeEntries([entry]));
        this.#logs.note(group, process, from + offset, hash);
      }
    }
  }

  onDown(process: ProcessId): void {
    if (this.#world.sound.includes(process)) this.#states.push(...this.states([process]));
  }
}
