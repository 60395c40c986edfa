/**
 * What a run reaches, and when first: coverage marks, and each pair of the state that a replica is in and a message that meets it
 * there. Of a run that parts from another one only what it reaches after that is its own.
 */
import { marksPassed } from '@kvorum/common';
import { framePartsOf } from '../report/frame-parts.ts';
import { NO_GROUP } from '../report/recording.ts';
import type { ProcessId } from '../world/network.ts';
import { isClient } from '../world/process-name.ts';
import type { World } from '../world/world.ts';

/** Looking through the marks takes time. */
const MARKS_EVERY_MS = 20;

export class Reached {
  /** By what it is: `mark log-cut`, or `follows, open log: accept of its leader`. */
  readonly firstMs: Record<string, number> = {};
  readonly #world: World;
  readonly #fromMs: number;
  #marksMs = 0;
  /** The marks that were passed before `fromMs`. */
  #before: Readonly<Record<string, number>> = {};

  constructor(world: World, fromMs: number) {
    this.#world = world;
    this.#fromMs = fromMs;
    if (fromMs > 0) world.schedule.first(fromMs * 1000, () => (this.#before = marksPassed()));
    world.network.watch((from, to, frame, _sentUs, fate) => {
      if (world.nowMs >= this.#marksMs + MARKS_EVERY_MS) this.noteMarks();
      if (fate === 'delivered' && !isClient(from) && !isClient(to)) this.#onFrame(from, to, frame);
    });
  }

  /** Also at the end of a run. */
  noteMarks(): void {
    this.#marksMs = this.#world.nowMs;
    for (const [name, passed] of Object.entries(marksPassed())) {
      if (passed > (this.#before[name] ?? 0)) this.#note(`mark ${name}`);
    }
  }

  #onFrame(from: ProcessId, to: ProcessId, frame: Uint8Array): void {
    for (const { kind, group } of framePartsOf(from, to, 'peer', frame)) {
      const view = group === NO_GROUP ? undefined : this.#world.node(to)?.group(group);
      if (view === undefined) continue;
      const role = view.serves ? 'leads' : view.leader === 0 ? 'sees no leader' : 'follows';
      const { decidedIndex = 0, logLength = 0, compactedIndex = 0 } = view.log ?? {};
      const log = logLength > decidedIndex ? 'open log' : compactedIndex > 0 ? 'trimmed log' : 'decided log';
      const sender = this.#world.node(from)?.id === view.leader ? 'its leader' : 'another';
      this.#note(`${role}, ${log}: ${kind} of ${sender}`);
    }
  }

  #note(name: string): void {
    if (this.#world.nowMs >= this.#fromMs) this.firstMs[name] ??= this.#world.nowMs;
  }
}
