/**
 * The space-time diagram: a line for each node, time from left to right, faults above, what clients got below.
 */
import type { Box } from './arrows.ts';
import { Arrows, overlaps } from './arrows.ts';
import { numberAt, secondsText, Surface, ticks, TimeScale } from './canvas.ts';
import { FaultStrip } from './fault-strip.ts';
import type { MessageFilter, MessageTable } from './message-table.ts';
import type { LeaderSpan, PageData, PageElection, PageFault } from './page-data.ts';
import {
  catchUpColor,
  phase1Color,
  phase2Color,
  electionColor,
  faultColor,
  gridColor,
  groupColor,
  inkColor,
  leaderColor,
  lineColor,
  softColor,
} from './palette.ts';
import type { TimeWindow } from './time-window.ts';

const GUTTER_PX = 112;
const AXIS_PX = 24;
const ELECTION_ROW_PX = 14;
const SERVED_PX = 40;
const CLIENTS_PX = 54;
const FIRST_CLIENT_LANE = 1000;

interface LeaderLabel extends Box {
  readonly label: string;
}

export class Diagram {
  readonly scale: TimeScale;
  readonly #data: PageData;
  readonly #time: TimeWindow;
  readonly #surface: Surface;
  readonly #closeUp: boolean;
  readonly #arrows: Arrows;
  readonly #faults: FaultStrip;
  readonly #servedUs: Float64Array;
  /** Where words stand that others must not cover. */
  #labels: Box[] = [];
  #leaderLabels: LeaderLabel[] = [];
  filter: MessageFilter = { group: -1, heartbeats: false, clients: false };
  hovered = -1;

  /** A close-up has no strips for faults and answers. */
  constructor(id: string, closeUp: boolean, data: PageData, time: TimeWindow, table: MessageTable) {
    this.#surface = new Surface(id);
    this.#closeUp = closeUp;
    this.#data = data;
    this.#time = time;
    this.scale = new TimeScale(time, GUTTER_PX);
    this.#arrows = new Arrows(table, this.scale, (process) => this.#laneY(process));
    this.#faults = new FaultStrip(closeUp ? [] : data.faults, AXIS_PX, time, this.scale);
    const returns = data.keys.flatMap(({ operations }) =>
      operations.flatMap(({ outcome, returnedUs }) => (outcome === 'ok' && returnedUs >= 0 ? [returnedUs] : [])),
    );
    this.#servedUs = Float64Array.from(returns).sort();
  }

  get canvas(): HTMLCanvasElement {
    return this.#surface.canvas;
  }

  /** Of the frequent kinds, one message of so many is drawn. */
  get stride(): number {
    return this.#arrows.stride;
  }

  get drawnArrows(): number {
    return this.#arrows.drawnCount;
  }

  /** The message at the point, or -1. */
  messageAt(x: number, y: number): number {
    return x < GUTTER_PX ? -1 : this.#arrows.at(x, y);
  }

  faultAt(x: number, y: number): PageFault | undefined {
    return x < GUTTER_PX ? undefined : this.#faults.at(x, y);
  }

  draw(): void {
    const surface = this.#surface;
    this.#faults.place();
    const height = this.#servedTop + (this.#closeUp ? 4 : SERVED_PX + 8);
    surface.clear(height);
    this.scale.right = surface.width - 8;
    const { context } = surface;
    this.#labels = [];
    this.#leaderLabels = [];
    this.#drawAxis();
    context.save();
    context.beginPath();
    context.rect(GUTTER_PX, 0, surface.width - GUTTER_PX, height);
    context.clip();
    this.#drawElections();
    this.#faults.draw(surface, this.#servedTop + SERVED_PX);
    this.#drawLanes();
    this.#drawDecisions();
    this.#arrows.choose(this.#time.fromUs, this.#time.toUs);
    this.#arrows.draw(surface, this.filter.group, this.#labels);
    this.#drawLeaderLabels();
    if (this.hovered >= 0) this.#arrows.highlight(context, this.hovered);
    if (!this.#closeUp) this.#drawServed();
    context.restore();
    this.#drawNames();
  }

  // ---- layout ----

  get #lanesTop(): number {
    return this.#electionsTop + 34 + this.#electionRows.length * ELECTION_ROW_PX;
  }

  get #electionsTop(): number {
    return AXIS_PX + this.#faults.height + 4;
  }

  /** Of their names; a close-up shows one election, as a rule. */
  get #electionRows(): readonly number[] {
    return this.#closeUp ? [0] : [0, 1];
  }

  get #laneGap(): number {
    return Math.min(110, Math.max(46, (this.#closeUp ? 260 : 190) / Math.max(1, this.#data.nodes.length - 1)));
  }

  #laneY(process: number): number {
    if (process < FIRST_CLIENT_LANE) return this.#lanesTop + process * this.#laneGap;
    return this.#lastLaneY + CLIENTS_PX;
  }

  get #lastLaneY(): number {
    return this.#lanesTop + (this.#data.nodes.length - 1) * this.#laneGap;
  }

  get #servedTop(): number {
    return this.#lastLaneY + (this.filter.clients ? CLIENTS_PX : 0) + 28;
  }

  // ---- parts ----

  #drawAxis(): void {
    const surface = this.#surface;
    const { context } = surface;
    const { stepUs, at } = ticks(this.#time.fromUs, this.#time.toUs, surface.width / 120);
    context.strokeStyle = gridColor;
    context.lineWidth = 1;
    context.beginPath();
    for (const us of at) {
      const x = Math.round(this.scale.x(us)) + 0.5;
      context.moveTo(x, AXIS_PX - 4);
      context.lineTo(x, surface.height);
    }
    context.stroke();
    for (const us of at) {
      const x = this.scale.x(us);
      if (x > GUTTER_PX + 20 && x < this.scale.right - 24) {
        surface.text(secondsText(us, stepUs), x, 10, softColor, 'center');
      }
    }
    surface.text('simulated time', 6, 10, softColor);
  }

  #drawElections(): void {
    const endOf = ({ preparedUs, ledUs, decidedUs }: PageElection): number =>
      this.scale.x(Math.max(preparedUs, ledUs, decidedUs));
    const inView = this.#data.elections.filter(
      (one) => this.#concerns(one.group) && endOf(one) >= GUTTER_PX && this.scale.x(one.preparedUs) <= this.scale.right,
    );
    for (const { preparedUs, ledUs, decidedUs } of inView) {
      this.#band(preparedUs, Math.max(preparedUs, ledUs), electionColor, phase1Color);
      if (ledUs >= 0 && decidedUs >= 0) this.#band(ledUs, decidedUs, catchUpColor, phase2Color);
    }
    for (const election of inView) this.#nameElection(election, endOf(election), inView.length > 2);
  }

  /** Each phase by name where there is room, else the whole in a few words beside it, else nothing. */
  #nameElection({ process, ballot, preparedUs, ledUs, decidedUs }: PageElection, end: number, short: boolean): void {
    const widthOf = (text: string): number => this.#surface.context.measureText(text).width;
    const name = this.#data.nodes[process]?.name ?? '';
    const x = this.scale.x(preparedUs);
    const top = this.#electionsTop + 9;
    const inBand = (fromUs: number, toUs: number, texts: readonly string[], color: string): boolean => {
      const from = Math.max(this.scale.x(fromUs), GUTTER_PX);
      const room = Math.min(this.scale.x(toUs), this.scale.right) - from - 8;
      return texts.some((text) => widthOf(text) < room && this.#write(text, from + 4, top, color));
    };
    const phase1 = [`Phase 1: ${name} asks for promises`, 'Phase 1: promises', 'Phase 1', '1'];
    const phase2 = [`Phase 2: up to the first decision of ${name}`, 'Phase 2: first decision', 'Phase 2', '2'];
    const named1 = ledUs >= 0 && end - x > 60 && inBand(preparedUs, ledUs, phase1, phase1Color);
    const named2 = decidedUs >= 0 && end - x > 60 && inBand(ledUs, decidedUs, phase2, phase2Color);
    if (named1 || named2) return;
    const what = ledUs < 0 ? 'attempt to lead' : 'election';
    const brief = [`${name}, ${ballot}`, ballot];
    (short ? brief : [`${what}: ${name}, ballot ${ballot}`, ...brief]).some((text) =>
      this.#electionRows.some((row) =>
        [x - 6 - widthOf(text), end + 6].some((left) =>
          this.#write(text, left, top + row * ELECTION_ROW_PX, phase1Color),
        ),
      ),
    );
  }

  /** Only where there is room, and nothing is written yet. */
  #write(text: string, x: number, y: number, color: string): boolean {
    const box = { x, y, w: this.#surface.context.measureText(text).width };
    if (x < GUTTER_PX || x + box.w > this.scale.right + 8) return false;
    if (this.#labels.some((other) => overlaps(box, other))) return false;
    this.#labels.push(box);
    this.#surface.text(text, x, y, color);
    return true;
  }

  #band(fromUs: number, toUs: number, fill: string, edge: string): void {
    const top = this.#electionsTop;
    const x = this.scale.x(fromUs);
    const width = Math.max(2, this.scale.x(toUs) - x);
    const { context } = this.#surface;
    context.fillStyle = fill;
    context.fillRect(x, top, width, this.#lastLaneY + 20 - top);
    context.fillStyle = edge;
    context.fillRect(x, top, width, 2);
  }

  #drawLanes(): void {
    const { context, width } = this.#surface;
    this.#data.nodes.forEach((_, process) => {
      const y = this.#laneY(process);
      context.strokeStyle = lineColor;
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(GUTTER_PX, y);
      context.lineTo(width, y);
      context.stroke();
    });
    for (const span of this.#data.leaders) if (this.#concerns(span.group)) this.#drawLeader(span);
    for (const fault of this.#data.faults) {
      if (fault.kind === 'crash' || fault.kind === 'pause') this.#drawDown(fault);
    }
    if (!this.filter.clients) return;
    const y = this.#laneY(FIRST_CLIENT_LANE);
    context.strokeStyle = lineColor;
    context.setLineDash([2, 3]);
    context.beginPath();
    context.moveTo(GUTTER_PX, y);
    context.lineTo(width, y);
    context.stroke();
    context.setLineDash([]);
  }

  #drawLeader({ group, process, ballot, fromUs, toUs, supersededUs }: LeaderSpan): void {
    const all = this.filter.group < 0;
    const position = this.#data.groups.indexOf(group);
    const thick = all ? Math.max(2, Math.min(5, 16 / this.#data.groups.length)) : 9;
    const top = all ? this.#laneY(process) - 8 + position * thick : this.#laneY(process) - thick / 2;
    this.#surface.context.fillStyle = all ? groupColor(group) : leaderColor;
    const certain = this.#leaderBar(fromUs, supersededUs, top, thick);
    this.#surface.context.globalAlpha = 0.3;
    const mistaken = this.#leaderBar(supersededUs, toUs, top, thick);
    this.#surface.context.globalAlpha = 1;
    if (all) return;
    this.#labels.push({ x: certain[0], y: this.#laneY(process), w: certain[1] - certain[0] });
    this.#leaderLabel(`leads, ballot ${ballot}`, top, certain);
    this.#leaderLabel('thinks it still leads', top, mistaken);
  }

  #leaderBar(fromUs: number, toUs: number, top: number, thick: number): readonly [x: number, end: number] {
    const x = Math.max(this.scale.x(fromUs), GUTTER_PX);
    const end = Math.min(this.scale.x(toUs), this.scale.right + 8);
    if (toUs <= fromUs || end < GUTTER_PX || x > this.scale.right) return [0, 0];
    this.#surface.context.fillRect(x, top, Math.max(2, end - x), thick);
    return [x, end];
  }

  #leaderLabel(label: string, top: number, [x, end]: readonly [x: number, end: number]): void {
    const { context } = this.#surface;
    const w = context.measureText(label).width;
    if (end - x < w + 12) return;
    const placed = { label, x: x + 6, y: top - 11, w };
    this.#labels.push(placed);
    this.#leaderLabels.push(placed);
  }

  /** Above the arrows. */
  #drawLeaderLabels(): void {
    const { context } = this.#surface;
    for (const { label, x, y, w } of this.#leaderLabels) {
      context.fillStyle = 'rgba(255,255,255,0.9)';
      context.fillRect(x - 2, y - 8, w + 4, 16);
      this.#surface.text(label, x, y, leaderColor);
    }
  }

  #drawDown({ kind, processes, fromUs, toUs }: PageFault): void {
    const x = Math.max(this.scale.x(fromUs), GUTTER_PX);
    const end = Math.min(this.scale.x(toUs), this.scale.right + 8);
    if (end < GUTTER_PX || x > this.scale.right) return;
    const { context } = this.#surface;
    for (const process of processes) {
      const y = this.#laneY(process);
      context.fillStyle = '#fff';
      context.fillRect(x, y - 9, end - x, 18);
      context.fillStyle = 'rgba(201,42,42,0.12)';
      context.fillRect(x, y - 9, Math.max(2, end - x), 18);
      this.#surface.fittedText(kind === 'crash' ? 'down' : 'stands still', x + 6, y, end - x - 8, faultColor);
    }
  }

  /** A small tick under the line of a node for each decision it learns of; thinned to one per pixel. */
  #drawDecisions(): void {
    const { atUs, process, group } = this.#data.decisions;
    const { context } = this.#surface;
    const lastX = new Map<number, number>();
    context.strokeStyle = '#2b8a3e';
    context.lineWidth = 1;
    context.beginPath();
    for (let i = firstAtLeast(atUs, this.#time.fromUs); i < atUs.length; i += 1) {
      const us = numberAt(atUs, i);
      if (us > this.#time.toUs) break;
      if (!this.#concerns(numberAt(group, i))) continue;
      const lane = numberAt(process, i);
      const x = Math.round(this.scale.x(us)) + 0.5;
      if (lastX.get(lane) === x) continue;
      lastX.set(lane, x);
      context.moveTo(x, this.#laneY(lane) + 5);
      context.lineTo(x, this.#laneY(lane) + 12);
    }
    context.stroke();
  }

  /** How many operations the clients got an answer to, per stretch of a few pixels: the outage is the gap. */
  #drawServed(): void {
    const { context } = this.#surface;
    const top = this.#servedTop;
    const step = 4;
    const bars: number[] = [];
    let at = firstAtLeast(this.#servedUs, this.scale.us(GUTTER_PX));
    for (let x = GUTTER_PX; x < this.scale.right; x += step) {
      const endUs = this.scale.us(x + step);
      let served = 0;
      for (; at < this.#servedUs.length && numberAt(this.#servedUs, at) < endUs; at += 1) served += 1;
      bars.push(served);
    }
    const most = Math.max(1, ...bars);
    context.fillStyle = '#74b886';
    bars.forEach((served, i) => {
      const high = (served / most) * SERVED_PX;
      context.fillRect(GUTTER_PX + i * step, top + SERVED_PX - high, step - 1, high);
    });
    context.fillStyle = lineColor;
    context.fillRect(GUTTER_PX, top + SERVED_PX, this.scale.right - GUTTER_PX, 1);
  }

  #drawNames(): void {
    const surface = this.#surface;
    this.#data.nodes.forEach(({ name, inBallots }, process) => {
      const y = this.#laneY(process);
      surface.context.font = `600 ${surface.context.font}`;
      surface.text(name, 6, y - 1, inkColor);
      surface.context.font = surface.context.font.replace('600 ', '');
      if (inBallots !== '') surface.text(`${inBallots} in ballots`, 6, y + 15, softColor);
    });
    if (this.filter.clients) surface.text('clients', 6, this.#laneY(FIRST_CLIENT_LANE), inkColor);
    if (this.#faults.height > 0) surface.text('faults', 6, AXIS_PX + 8, faultColor);
    if (this.#closeUp) return;
    surface.text('operations', 6, this.#servedTop + 14, inkColor);
    surface.text('answered', 6, this.#servedTop + 30, inkColor);
  }

  #concerns(group: number): boolean {
    return this.filter.group < 0 || this.filter.group === group;
  }
}

function firstAtLeast(sorted: ArrayLike<number>, us: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numberAt(sorted, middle) < us) low = middle + 1;
    else high = middle;
  }
  return low;
}
