/**
 * The whole run in one strip: who leads, when there were faults and elections, how much was sent; and the window that the
 * other pictures show, to be dragged.
 */
import { numberAt, secondsText, Surface, ticks } from './canvas.ts';
import type { MessageTable } from './message-table.ts';
import type { PageData } from './page-data.ts';
import { faultColor, groupColor, inkColor, leaderColor, lineColor, softColor } from './palette.ts';
import type { TimeWindow } from './time-window.ts';

const OVERVIEW_PX = 74;
const OVERVIEW_LEFT_PX = 112;
const EDGE_PX = 6;

type Grip = 'from' | 'to' | 'all';

export class Overview {
  readonly #data: PageData;
  readonly #time: TimeWindow;
  readonly #table: MessageTable;
  readonly #surface = new Surface('overview');
  /** Everything but the window, which alone changes while scrubbing. */
  #background: HTMLCanvasElement | undefined;
  group = -1;

  constructor(data: PageData, time: TimeWindow, table: MessageTable) {
    this.#data = data;
    this.#time = time;
    this.#table = table;
    this.#listen();
  }

  /** The filter or the size changed. */
  forget(): void {
    this.#background = undefined;
  }

  draw(): void {
    const surface = this.#surface;
    const { context } = surface;
    const expected = surface.canvas.parentElement?.clientWidth ?? 0;
    if (this.#background === undefined || this.#background.width === 0 || surface.width !== expected) {
      surface.clear(OVERVIEW_PX);
      this.#drawRun();
      this.#background = document.createElement('canvas');
      this.#background.width = surface.canvas.width;
      this.#background.height = surface.canvas.height;
      this.#background.getContext('2d')?.drawImage(surface.canvas, 0, 0);
    } else {
      surface.clear(OVERVIEW_PX);
      context.drawImage(this.#background, 0, 0, surface.width, surface.height);
    }
    const [x, end] = [this.#x(this.#time.fromUs), this.#x(this.#time.toUs)];
    context.fillStyle = 'rgba(29,39,51,0.09)';
    context.fillRect(OVERVIEW_LEFT_PX, 0, x - OVERVIEW_LEFT_PX, 56);
    context.fillRect(end, 0, this.#right - end, 56);
    context.strokeStyle = '#1d2733';
    context.lineWidth = 1.5;
    context.strokeRect(x, 1, Math.max(3, end - x), 55);
  }

  get #right(): number {
    return this.#surface.width - 8;
  }

  #x(us: number): number {
    return OVERVIEW_LEFT_PX + (us / this.#time.endUs) * (this.#right - OVERVIEW_LEFT_PX);
  }

  #us(x: number): number {
    return ((x - OVERVIEW_LEFT_PX) / (this.#right - OVERVIEW_LEFT_PX)) * this.#time.endUs;
  }

  #drawRun(): void {
    const surface = this.#surface;
    const { context } = surface;
    this.#drawDensity();
    for (const { fromUs, toUs } of this.#data.faults) {
      context.fillStyle = 'rgba(201,42,42,0.28)';
      context.fillRect(this.#x(fromUs), 0, Math.max(2, this.#x(toUs) - this.#x(fromUs)), 10);
    }
    for (const { group, process, fromUs, supersededUs: toUs } of this.#data.leaders) {
      if (this.group >= 0 && group !== this.group) continue;
      const all = this.group < 0;
      const { nodes, groups } = this.#data;
      const high = 36 / nodes.length;
      // One node may lead several groups at once: each has a stripe of its own.
      const thick = (high - 1) / (all ? groups.length : 1);
      const top = 14 + process * high + (all ? groups.indexOf(group) * thick : 0);
      context.fillStyle = all ? groupColor(group) : leaderColor;
      context.fillRect(this.#x(fromUs), top, Math.max(1, this.#x(toUs) - this.#x(fromUs)), thick);
    }
    for (const { group, isChange, preparedUs } of this.#data.elections) {
      if (!isChange || (this.group >= 0 && group !== this.group)) continue;
      context.fillStyle = '#d9480f';
      context.fillRect(this.#x(preparedUs) - 1, 12, 2, 42);
    }
    for (const { stuckUs, verdict } of this.#data.keys) {
      if (verdict !== 'violation') continue;
      context.fillStyle = '#e00';
      context.fillRect(this.#x(stuckUs) - 1.5, 0, 3, 56);
    }
    const { stepUs, at } = ticks(0, this.#time.endUs, surface.width / 110);
    for (const us of at)
      surface.text(secondsText(us, stepUs), this.#x(us), 66, softColor, us === 0 ? 'left' : 'center');
    surface.text('The whole run', 6, 66, softColor);
    surface.text('faults', 6, 8, faultColor);
    surface.text('who leads', 6, 34, inkColor);
  }

  #drawDensity(): void {
    const { context } = this.#surface;
    const columns = new Uint32Array(Math.max(1, Math.ceil((this.#right - OVERVIEW_LEFT_PX) / 2)));
    const perUs = columns.length / this.#time.endUs;
    for (let i = 0; i < this.#table.count; i += 1) {
      if (!this.#table.isShown(i)) continue;
      const column = Math.min(columns.length - 1, Math.floor(numberAt(this.#table.sentUs, i) * perUs));
      columns[column] = numberAt(columns, column) + 1;
    }
    const most = columns.reduce((max, count) => Math.max(max, count), 1);
    context.fillStyle = '#e3e8ee';
    columns.forEach((count, i) => {
      const high = (count / most) * 42;
      context.fillRect(OVERVIEW_LEFT_PX + i * 2, 56 - high, 2, high);
    });
    context.fillStyle = lineColor;
    context.fillRect(OVERVIEW_LEFT_PX, 56, this.#right - OVERVIEW_LEFT_PX, 1);
  }

  #listen(): void {
    const { canvas } = this.#surface;
    let grip: Grip | undefined;
    let grabbedAt = 0;
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      const [x, end] = [this.#x(this.#time.fromUs), this.#x(this.#time.toUs)];
      const wide = end - x > 4 * EDGE_PX;
      grip =
        wide && Math.abs(event.offsetX - x) < EDGE_PX
          ? 'from'
          : wide && Math.abs(event.offsetX - end) < EDGE_PX
            ? 'to'
            : 'all';
      if (grip === 'all' && (event.offsetX < x || event.offsetX > end)) this.#time.center(this.#us(event.offsetX));
      grabbedAt = this.#us(event.offsetX) - this.#time.fromUs;
    });
    canvas.addEventListener('pointermove', (event) => {
      if (grip === undefined) return;
      const us = this.#us(event.offsetX);
      const { fromUs, toUs, widthUs } = this.#time;
      if (grip === 'all') this.#time.show(us - grabbedAt, us - grabbedAt + widthUs);
      else if (grip === 'from') this.#time.show(Math.min(us, toUs - 50), toUs);
      else this.#time.show(fromUs, Math.max(us, fromUs + 50));
    });
    const release = (): void => {
      grip = undefined;
    };
    canvas.addEventListener('pointerup', release);
    canvas.addEventListener('pointercancel', release);
  }
}
