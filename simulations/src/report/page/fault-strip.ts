/**
 * The faults above the diagram: those that overlap in time below each other, in as many rows as the window needs.
 */
import type { Surface, TimeScale } from './canvas.ts';
import type { PageFault } from './page-data.ts';
import { faultColor } from './palette.ts';
import type { TimeWindow } from './time-window.ts';

const FAULT_ROW_PX = 19;
const FAULT_ROWS_MAX = 12;
const MOMENT_PX = 190;

interface PlacedFault {
  readonly fault: PageFault;
  readonly row: number;
  /** When the next one in its row begins. */
  readonly nextUs: number;
}

export class FaultStrip {
  readonly #top: number;
  readonly #time: TimeWindow;
  readonly #scale: TimeScale;
  readonly #faults: readonly PlacedFault[];
  /** Those in view, in rows without a gap. */
  #shown: readonly PlacedFault[] = [];
  #rows = 0;

  constructor(faults: readonly PageFault[], top: number, time: TimeWindow, scale: TimeScale) {
    this.#faults = packedRows(faults);
    this.#top = top;
    this.#time = time;
    this.#scale = scale;
  }

  /** In pixels, for the window as it was when the faults were placed. */
  get height(): number {
    return this.#rows * FAULT_ROW_PX;
  }

  /** For the present window, before anything is drawn. */
  place(): void {
    const { fromUs, toUs } = this.#time;
    const inView = this.#faults.filter(({ fault }) => fault.toUs >= fromUs && fault.fromUs <= toUs);
    const rows = [...new Set(inView.map(({ row }) => row))].sort((a, b) => a - b);
    this.#shown = inView.map((placed) => ({ ...placed, row: rows.indexOf(placed.row) }));
    // A run with faults keeps a row for them, so that what is below moves less.
    this.#rows = Math.max(rows.length, Math.min(1, this.#faults.length));
  }

  at(x: number, y: number): PageFault | undefined {
    const hit = this.#shown.find(({ fault, row }) => {
      const top = this.#rowTop(row);
      return (
        y >= top && y < top + FAULT_ROW_PX && x >= this.#scale.x(fault.fromUs) - 4 && x <= this.#scale.x(fault.toUs) + 4
      );
    });
    return hit?.fault;
  }

  /** `bottom` is how far down beginnings and ends are marked. */
  draw(surface: Surface, bottom: number): void {
    const { context } = surface;
    for (const { fault, row, nextUs } of this.#shown) {
      const x = this.#scale.x(fault.fromUs);
      const end = this.#scale.x(fault.toUs);
      const top = this.#rowTop(row);
      context.fillStyle = '#ffe3e3';
      context.fillRect(x, top, Math.max(2, end - x), FAULT_ROW_PX - 3);
      context.fillStyle = faultColor;
      context.fillRect(x, top, 3, FAULT_ROW_PX - 3);
      const from = Math.max(x, this.#scale.left) + 8;
      // One that is over at once has its words beside it.
      const textEnd = fault.toUs > fault.fromUs ? end : x + MOMENT_PX;
      const room = Math.min(textEnd, this.#scale.x(nextUs), this.#scale.right) - from - 4;
      surface.fittedText(fault.text, from, top + 8, room, faultColor);
      context.strokeStyle = 'rgba(201,42,42,0.55)';
      context.lineWidth = 1;
      context.setLineDash([4, 4]);
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, bottom);
      context.moveTo(end, top);
      context.lineTo(end, bottom);
      context.stroke();
      context.setLineDash([]);
    }
  }

  #rowTop(row: number): number {
    return this.#top + row * FAULT_ROW_PX;
  }
}

/** Faults that overlap in time get rows of their own, as long as there are rows. */
function packedRows(faults: readonly PageFault[]): PlacedFault[] {
  const ends: number[] = [];
  const rows = faults.map((fault) => {
    const free = ends.findIndex((end) => end <= fault.fromUs);
    const row = free >= 0 ? free : Math.min(ends.length, FAULT_ROWS_MAX - 1);
    ends[row] = Math.max(ends[row] ?? 0, fault.toUs);
    return row;
  });
  return faults.map((fault, i) => {
    const next = faults.find((_, j) => j > i && rows[j] === rows[i]);
    return { fault, row: rows[i] ?? 0, nextUs: next?.fromUs ?? Infinity };
  });
}
