/**
 * The space-time diagram: a line for each node, time from left to right, faults above, what clients got below.
 */
import type { Box } from './arrows.ts';
import { Arrows } from './arrows.ts';
import { numberAt, secondsText, Surface, ticks, TimeScale } from './canvas.ts';
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
const FAULT_ROW_PX = 19;
const FAULT_ROWS_MAX = 4;
const MOMENT_PX = 190;
const SERVED_PX = 40;
const CLIENTS_PX = 54;
const FIRST_CLIENT_LANE = 1000;

export class Diagram {
  readonly scale: TimeScale;
  readonly #data: PageData;
  readonly #time: TimeWindow;
  readonly #surface: Surface;
  readonly #closeUp: boolean;
  readonly #arrows: Arrows;
  readonly #faultRows: readonly (readonly [fault: PageFault, row: number])[];
  readonly #faultRowCount: number;
  readonly #servedUs: Float64Array;
  /** Where words stand that arrows' labels must not cover. */
  #labels: Box[] = [];
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
    this.#faultRows = closeUp ? [] : packedRows(data.faults);
    this.#faultRowCount = this.#faultRows.reduce((most, [, row]) => Math.max(most, row + 1), 0);
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
    const hit = this.#faultRows.find(([fault, row]) => {
      const top = AXIS_PX + row * FAULT_ROW_PX;
      return (
        y >= top && y < top + FAULT_ROW_PX && x >= this.scale.x(fault.fromUs) - 4 && x <= this.scale.x(fault.toUs) + 4
      );
    });
    return x < GUTTER_PX ? undefined : hit?.[0];
  }

  draw(): void {
    const surface = this.#surface;
    const height = this.#servedTop + (this.#closeUp ? 4 : SERVED_PX + 8);
    surface.clear(height);
    this.scale.right = surface.width - 8;
    const { context } = surface;
    this.#labels = [];
    this.#drawAxis();
    context.save();
    context.beginPath();
    context.rect(GUTTER_PX, 0, surface.width - GUTTER_PX, height);
    context.clip();
    this.#drawElections();
    this.#drawFaults();
    this.#drawLanes();
    this.#drawDecisions();
    this.#arrows.choose(this.#time.fromUs, this.#time.toUs);
    this.#arrows.draw(surface, this.filter.group, this.#labels);
    if (this.hovered >= 0) this.#arrows.highlight(context, this.hovered);
    if (!this.#closeUp) this.#drawServed();
    context.restore();
    this.#drawNames();
  }

  // ---- layout ----

  get #lanesTop(): number {
    return AXIS_PX + this.#faultRowCount * FAULT_ROW_PX + 52;
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
    for (const election of this.#data.elections) {
      const { group, preparedUs, ledUs, decidedUs } = election;
      const end = this.scale.x(Math.max(preparedUs, ledUs, decidedUs));
      if (!this.#concerns(group) || end < GUTTER_PX || this.scale.x(preparedUs) > this.scale.right) continue;
      this.#band(preparedUs, Math.max(preparedUs, ledUs), electionColor, phase1Color);
      if (ledUs >= 0 && decidedUs >= 0) this.#band(ledUs, decidedUs, catchUpColor, phase2Color);
      this.#nameElection(election, end);
    }
  }

  /** Each phase by name where there is room, else the whole in a few words beside it. */
  #nameElection({ process, ballot, preparedUs, ledUs, decidedUs }: PageElection, end: number): void {
    const surface = this.#surface;
    const widthOf = (text: string): number => surface.context.measureText(text).width;
    const name = this.#data.nodes[process]?.name ?? '';
    const x = this.scale.x(preparedUs);
    const top = this.#lanesTop - 39;
    const inBand = (fromUs: number, toUs: number, texts: readonly string[], color: string): boolean => {
      const from = Math.max(this.scale.x(fromUs), GUTTER_PX);
      const room = Math.min(this.scale.x(toUs), this.scale.right) - from - 8;
      const fitting = texts.find((text) => widthOf(text) < room);
      if (fitting !== undefined) surface.text(fitting, from + 4, top, color);
      return fitting !== undefined;
    };
    const phase1 = [`Phase 1: ${name} asks for promises`, 'Phase 1: promises', 'Phase 1', '1'];
    const phase2 = [`Phase 2: up to the first decision of ${name}`, 'Phase 2: first decision', 'Phase 2', '2'];
    const named1 = ledUs >= 0 && end - x > 60 && inBand(preparedUs, ledUs, phase1, phase1Color);
    const named2 = decidedUs >= 0 && end - x > 60 && inBand(ledUs, decidedUs, phase2, phase2Color);
    if (named1 || named2) return;
    const text = `${ledUs < 0 ? 'attempt to lead' : 'election'}: ${name}, ballot ${ballot}`;
    const fits = x - widthOf(text) - 8 > GUTTER_PX;
    surface.text(text, fits ? x - 6 : end + 6, top, phase1Color, fits ? 'right' : 'left');
  }

  #band(fromUs: number, toUs: number, fill: string, edge: string): void {
    const top = this.#lanesTop - 48;
    const x = this.scale.x(fromUs);
    const width = Math.max(2, this.scale.x(toUs) - x);
    const { context } = this.#surface;
    context.fillStyle = fill;
    context.fillRect(x, top, width, this.#lastLaneY + 20 - top);
    context.fillStyle = edge;
    context.fillRect(x, top, width, 2);
  }

  #drawFaults(): void {
    const surface = this.#surface;
    const { context } = surface;
    for (const [fault, row] of this.#faultRows) {
      const x = this.scale.x(fault.fromUs);
      const end = this.scale.x(fault.toUs);
      if (end < GUTTER_PX || x > this.scale.right) continue;
      const top = AXIS_PX + row * FAULT_ROW_PX;
      context.fillStyle = '#ffe3e3';
      context.fillRect(x, top, Math.max(2, end - x), FAULT_ROW_PX - 3);
      context.fillStyle = faultColor;
      context.fillRect(x, top, 3, FAULT_ROW_PX - 3);
      const from = Math.max(x, GUTTER_PX) + 8;
      // One that is over at once has its words beside it.
      const textEnd = fault.toUs > fault.fromUs ? end : x + MOMENT_PX;
      surface.fittedText(fault.text, from, top + 8, Math.min(textEnd, this.scale.right) - from - 4, faultColor);
      context.strokeStyle = 'rgba(201,42,42,0.55)';
      context.lineWidth = 1;
      context.setLineDash([4, 4]);
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, this.#servedTop + SERVED_PX);
      context.moveTo(end, top);
      context.lineTo(end, this.#servedTop + SERVED_PX);
      context.stroke();
      context.setLineDash([]);
    }
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
    const wide = context.measureText(label).width;
    if (end - x < wide + 12) return;
    context.fillStyle = 'rgba(255,255,255,0.8)';
    context.fillRect(x + 4, top - 19, wide + 4, 16);
    this.#surface.text(label, x + 6, top - 11, leaderColor);
    this.#labels.push({ x: x + 6, y: top - 11, w: wide });
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
    if (this.#faultRowCount > 0) surface.text('faults', 6, AXIS_PX + 8, faultColor);
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

/** Faults that overlap in time get rows of their own, as long as there are rows. */
function packedRows(faults: readonly PageFault[]): (readonly [PageFault, number])[] {
  const ends: number[] = [];
  return faults.map((fault) => {
    const free = ends.findIndex((end) => end <= fault.fromUs);
    const row = free >= 0 ? free : Math.min(ends.length, FAULT_ROWS_MAX - 1);
    ends[row] = Math.max(ends[row] ?? 0, fault.toUs);
    return [fault, row] as const;
  });
}
