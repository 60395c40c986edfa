/**
 * The operations of one key: a bar from invocation to return, and a mark where each takes effect in the order that was
 * found; or where no order goes on, and why.
 */
import { numberAt, secondsText, Surface, ticks, TimeScale } from './canvas.ts';
import type { PageData, PageKey, PageOperation } from './page-data.ts';
import { gridColor, inkColor, softColor } from './palette.ts';
import type { TimeWindow } from './time-window.ts';

const OPERATIONS_LEFT_PX = 112;
const OPERATIONS_TOP_PX = 42;
const ROW_PX = 24;
const BAR_PX = 16;
const ROWS_MIN = 3;
/** An operation without an answer is drawn this long, or up to its effect. */
const OPEN_US = 60_000;
/** Between two bars of one row. */
const GAP_US = 500;

interface Placed {
  readonly operation: PageOperation;
  readonly row: number;
  readonly endUs: number;
}

const barColors = { read: '#d0e2f5', write: '#ffdfb0', failed: '#e7eaee', unknown: '#f1e3f7', stuck: '#ffb8b8' };

export class OperationsView {
  readonly scale: TimeScale;
  readonly #data: PageData;
  readonly #time: TimeWindow;
  readonly #surface = new Surface('operations');
  #key: PageKey | undefined;
  #placed: readonly Placed[] = [];
  #byPlace: readonly Placed[] = [];
  #rows = ROWS_MIN;
  /** Where the last number was written: they must not overlap. */
  #numberedX = 0;
  /** What was drawn last. */
  drawnBars = 0;

  constructor(data: PageData, time: TimeWindow) {
    this.#data = data;
    this.#time = time;
    this.scale = new TimeScale(time, OPERATIONS_LEFT_PX);
  }

  get canvas(): HTMLCanvasElement {
    return this.#surface.canvas;
  }

  get key(): PageKey | undefined {
    return this.#key;
  }

  choose(index: number): void {
    this.#key = this.#data.keys[index];
    this.#placed = placedInRows(this.#key?.operations ?? []);
    this.#byPlace = this.#placed
      .filter(({ operation }) => operation.place >= 0)
      .toSorted((a, b) => a.operation.place - b.operation.place);
    this.#rows = this.#placed.reduce((most, { row }) => Math.max(most, row + 1), ROWS_MIN);
  }

  at(x: number, y: number): PageOperation | undefined {
    if (x < OPERATIONS_LEFT_PX) return undefined;
    const us = this.scale.us(x);
    const row = Math.floor((y - OPERATIONS_TOP_PX) / ROW_PX);
    const slack = (this.#time.widthUs / this.#surface.width) * 4;
    return this.#placed.find(
      (one) => one.row === row && us >= one.operation.invokedUs - slack && us <= one.endUs + slack,
    )?.operation;
  }

  draw(): void {
    const surface = this.#surface;
    surface.clear(OPERATIONS_TOP_PX + this.#rows * ROW_PX + 8);
    this.scale.right = surface.width - 8;
    const { context } = surface;
    this.#drawGrid();
    context.save();
    context.beginPath();
    context.rect(OPERATIONS_LEFT_PX, 0, surface.width - OPERATIONS_LEFT_PX, surface.height);
    context.clip();
    const shown = this.#placed.filter(
      ({ operation, endUs }) => operation.invokedUs <= this.#time.toUs && endUs >= this.#time.fromUs,
    );
    this.drawnBars = shown.length;
    for (const one of shown) this.#drawBar(one);
    if (shown.length < 400) this.#drawOrder();
    this.#numberedX = -Infinity;
    for (const one of this.#byPlace) this.#drawEffect(one);
    this.#drawEnd();
    context.restore();
    surface.text('takes effect', 6, 24, softColor);
    surface.text('operations', 6, OPERATIONS_TOP_PX + ROW_PX / 2, inkColor);
    if (shown.length === 0) {
      surface.text(
        'no operation on this key in this stretch of time',
        OPERATIONS_LEFT_PX + 12,
        OPERATIONS_TOP_PX + 12,
        softColor,
      );
    }
  }

  #drawGrid(): void {
    const surface = this.#surface;
    const { stepUs, at } = ticks(this.#time.fromUs, this.#time.toUs, surface.width / 120);
    for (const us of at) {
      const x = Math.round(this.scale.x(us)) + 0.5;
      surface.context.fillStyle = gridColor;
      surface.context.fillRect(x, 14, 1, surface.height);
      if (x > OPERATIONS_LEFT_PX + 20 && x < this.scale.right - 24) {
        surface.text(secondsText(us, stepUs), x, 7, softColor, 'center');
      }
    }
  }

  #rowY(row: number): number {
    return OPERATIONS_TOP_PX + row * ROW_PX + ROW_PX / 2;
  }

  #drawBar({ operation, row, endUs }: Placed): void {
    const surface = this.#surface;
    const { context } = surface;
    const x = this.scale.x(operation.invokedUs);
    const width = Math.max(2, this.scale.x(endUs) - x);
    const y = this.#rowY(row) - BAR_PX / 2;
    const { outcome, kind, stuck } = operation;
    context.fillStyle = stuck !== '' ? barColors.stuck : outcome === 'ok' ? barColors[kind] : barColors[outcome];
    context.fillRect(x, y, width, BAR_PX);
    if (stuck !== '') {
      context.strokeStyle = '#c92a2a';
      context.lineWidth = 1.5;
      context.strokeRect(x, y, width, BAR_PX);
    }
    if (outcome === 'unknown') {
      context.fillStyle = '#862e9c';
      for (let dash = x + width; dash < x + width + 18; dash += 6) context.fillRect(dash, y + BAR_PX / 2, 3, 1.5);
    }
    const from = Math.max(x, OPERATIONS_LEFT_PX) + 4;
    const label = outcome === 'ok' ? operation.label : `${operation.label} (${outcome})`;
    surface.fittedText(label, from, y + BAR_PX / 2, Math.min(x + width, this.scale.right) - from - 2, inkColor);
  }

  /** A thin line from effect to effect: the linearization. */
  #drawOrder(): void {
    const { context } = this.#surface;
    context.strokeStyle = 'rgba(43,138,62,0.4)';
    context.lineWidth = 1;
    context.beginPath();
    let moved = false;
    for (const { operation, row } of this.#byPlace) {
      const x = this.scale.x(operation.effectUs);
      if (x < OPERATIONS_LEFT_PX - 400 || x > this.scale.right + 400) continue;
      if (moved) context.lineTo(x, this.#rowY(row));
      else context.moveTo(x, this.#rowY(row));
      moved = true;
    }
    context.stroke();
  }

  #drawEffect({ operation, row }: Placed): void {
    const { context } = this.#surface;
    const x = this.scale.x(operation.effectUs);
    if (x < OPERATIONS_LEFT_PX || x > this.scale.right) return;
    const y = this.#rowY(row);
    context.fillStyle = '#2b8a3e';
    context.beginPath();
    context.moveTo(x, y - 5);
    context.lineTo(x + 4.5, y);
    context.lineTo(x, y + 5);
    context.lineTo(x - 4.5, y);
    context.closePath();
    context.fill();
    context.fillRect(x - 0.5, 30, 1, 6);
    const number = String(operation.place + 1);
    const half = number.length * 4;
    if (x - this.#numberedX < 2 * half + 4 || x - half < OPERATIONS_LEFT_PX || x + half > this.#surface.width) return;
    this.#numberedX = x;
    this.#surface.text(number, x, 24, '#2b8a3e', 'center');
  }

  #drawEnd(): void {
    const key = this.#key;
    if (key === undefined || key.stuckUs < 0) return;
    const surface = this.#surface;
    const { context } = surface;
    const x = this.scale.x(key.stuckUs);
    if (x < OPERATIONS_LEFT_PX || x > this.scale.right) return;
    context.fillStyle = '#e00';
    context.fillRect(x - 1, 14, 2, surface.height);
    const label = key.verdict === 'violation' ? 'no linearization goes on past here' : 'the search gave up here';
    const wide = context.measureText(label).width;
    const left = x + wide + 14 > this.scale.right;
    context.fillStyle = '#e00';
    context.fillRect(left ? x - wide - 12 : x, surface.height - 20, wide + 12, 18);
    surface.text(label, left ? x - wide - 6 : x + 6, surface.height - 11, '#fff');
  }
}

/** Each operation into the first row that is free. */
function placedInRows(operations: readonly PageOperation[]): Placed[] {
  const freeFrom: number[] = [];
  return operations.map((operation) => {
    const { invokedUs, returnedUs, effectUs } = operation;
    const endUs = returnedUs >= 0 ? returnedUs : Math.max(invokedUs + OPEN_US, effectUs);
    let row = freeFrom.findIndex((us) => us <= invokedUs);
    if (row < 0) row = freeFrom.length;
    freeFrom[row] = Math.max(numberAt(freeFrom, row), endUs + GAP_US);
    return { operation, row, endUs };
  });
}
