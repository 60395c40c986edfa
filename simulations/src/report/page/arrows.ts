/**
 * The messages of the diagram: which of them to draw, how, and which one is under the pointer.
 */
import type { Surface, TimeScale } from './canvas.ts';
import { numberAt } from './canvas.ts';
import type { MessageTable } from './message-table.ts';
import { faultColor, styleOf } from './palette.ts';

/** More arrows than this are a smear, and slow: then every n-th is drawn, and the page says so. */
const ARROWS_MAX = 2500;
const LABELS_MAX = 70;
const HEADS_MAX = 900;
const POINTER_PX = 7;
/** So far before the line of its receiver ends a message that arrives nowhere. */
const LOST_PX = 12;
/** Index of 'delivered' and of 'repeated' among the fates. */
const ARRIVING: readonly number[] = [0, 3];

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
}

export class Arrows {
  readonly #table: MessageTable;
  readonly #scale: TimeScale;
  readonly #laneY: (process: number) => number;
  /** What was drawn last, by kind. */
  #drawn = new Map<string, number[]>();
  drawnCount = 0;
  /** Of the frequent kinds, one of so many is drawn. */
  stride = 1;

  constructor(table: MessageTable, scale: TimeScale, laneY: (process: number) => number) {
    this.#table = table;
    this.#scale = scale;
    this.#laneY = laneY;
  }

  choose(fromUs: number, toUs: number): void {
    const table = this.#table;
    const [first, end] = table.range(fromUs, toUs);
    let frequent = 0;
    let rare = 0;
    const visible: number[] = [];
    for (let i = first; i < end; i += 1) {
      if (!table.isShown(i) || numberAt(table.arrivedUs, i) < fromUs) continue;
      visible.push(i);
      if (table.isImportant(i)) rare += 1;
      else frequent += 1;
    }
    this.stride = Math.max(1, Math.ceil(frequent / ARROWS_MAX));
    const rareStride = Math.max(1, Math.ceil(rare / ARROWS_MAX));
    this.#drawn = new Map();
    this.drawnCount = 0;
    for (const i of visible) {
      // By index rather than by count, so that the same arrows stay while the window moves.
      if (i % (table.isImportant(i) ? rareStride : this.stride) !== 0) continue;
      const kind = table.kindName(i);
      const same = this.#drawn.get(kind);
      if (same === undefined) this.#drawn.set(kind, [i]);
      else same.push(i);
      this.drawnCount += 1;
    }
  }

  /** Labels keep off what is written already. */
  draw(surface: Surface, group: number, written: readonly Box[]): void {
    const kinds = [...this.#drawn.keys()].sort((a, b) => Number(styleOf(a).important) - Number(styleOf(b).important));
    const dense = this.drawnCount > HEADS_MAX;
    for (const kind of kinds) this.#drawKind(surface.context, kind, dense);
    this.#drawFailed(surface.context);
    if (this.drawnCount <= LABELS_MAX * 4) this.#drawLabels(surface, group, written);
  }

  /** The message under the pointer, or -1. */
  at(x: number, y: number): number {
    let best = -1;
    let bestDistance = POINTER_PX;
    for (const indices of this.#drawn.values()) {
      for (const i of indices) {
        const [x1, y1, x2, y2] = this.#line(i);
        const distance = distanceToLine(x, y, x1, y1, x2, y2);
        if (distance < bestDistance) {
          best = i;
          bestDistance = distance;
        }
      }
    }
    return best;
  }

  highlight(context: CanvasRenderingContext2D, index: number): void {
    const [x1, y1, x2, y2] = this.#line(index);
    context.strokeStyle = '#000';
    context.lineWidth = 2.5;
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
  }

  #drawKind(context: CanvasRenderingContext2D, kind: string, dense: boolean): void {
    const { color, important } = styleOf(kind);
    const indices = this.#drawn.get(kind) ?? [];
    context.strokeStyle = color;
    context.fillStyle = color;
    context.lineWidth = important ? 2 : 1;
    context.globalAlpha = dense && !important ? 0.35 : 1;
    context.beginPath();
    for (const i of indices) {
      const [x1, y1, x2, y2] = this.#line(i);
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
    }
    context.stroke();
    if (!dense || important) {
      context.beginPath();
      for (const i of indices) {
        if (ARRIVING.includes(numberAt(this.#table.fate, i))) headPath(context, ...this.#line(i), important ? 8 : 6);
      }
      context.fill();
    }
    context.globalAlpha = 1;
  }

  /** A cross where a message ended that arrived nowhere. */
  #drawFailed(context: CanvasRenderingContext2D): void {
    context.strokeStyle = faultColor;
    context.lineWidth = 1.5;
    context.beginPath();
    for (const indices of this.#drawn.values()) {
      for (const i of indices) {
        if (ARRIVING.includes(numberAt(this.#table.fate, i))) continue;
        const [, , x, y] = this.#line(i);
        context.moveTo(x - 3.5, y - 3.5);
        context.lineTo(x + 3.5, y + 3.5);
        context.moveTo(x + 3.5, y - 3.5);
        context.lineTo(x - 3.5, y + 3.5);
      }
    }
    context.stroke();
  }

  #drawLabels(surface: Surface, group: number, written: readonly Box[]): void {
    const { context } = surface;
    const taken: Box[] = [...written];
    const { left, right } = this.#scale;
    const few = this.drawnCount <= LABELS_MAX;
    const labelled = [...this.#drawn.entries()]
      .filter(([kind]) => few || styleOf(kind).important)
      .sort(([a], [b]) => Number(styleOf(b).important) - Number(styleOf(a).important));
    context.lineWidth = 4;
    context.strokeStyle = 'rgba(255,255,255,0.9)';
    for (const [kind, indices] of labelled) {
      for (const i of indices) {
        const [x1, y1, x2, y2] = this.#line(i);
        const text = this.#table.label(i, group);
        const w = context.measureText(text).width;
        for (const share of [0.5, 0.35, 0.65, 0.22, 0.78]) {
          const middle = x1 + (x2 - x1) * share;
          if (middle < left || middle > right) continue;
          const x = Math.min(Math.max(middle - w / 2, left + 2), right - w);
          const box = { x, y: y1 + (y2 - y1) * share, w };
          if (taken.some((other) => overlaps(box, other))) continue;
          taken.push(box);
          context.textAlign = 'left';
          context.strokeText(text, box.x, box.y);
          surface.text(text, box.x, box.y, styleOf(kind).color);
          break;
        }
      }
    }
  }

  /** One that arrives nowhere ends just before the line of its receiver. */
  #line(index: number): [x1: number, y1: number, x2: number, y2: number] {
    const table = this.#table;
    const x1 = this.#scale.x(numberAt(table.sentUs, index));
    const y1 = this.#laneY(numberAt(table.from, index));
    const x2 = this.#scale.x(numberAt(table.arrivedUs, index));
    const y2 = this.#laneY(numberAt(table.to, index));
    if (ARRIVING.includes(numberAt(table.fate, index))) return [x1, y1, x2, y2];
    const share = 1 - LOST_PX / Math.max(Math.abs(y2 - y1), 2 * LOST_PX);
    return [x1, y1, x1 + (x2 - x1) * share, y1 + (y2 - y1) * share];
  }
}

export function overlaps(a: Box, b: Box): boolean {
  return Math.abs(a.y - b.y) < 14 && a.x < b.x + b.w + 6 && b.x < a.x + a.w + 6;
}

function headPath(
  context: CanvasRenderingContext2D,
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  size: number,
): void {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [dx, dy] = [((x2 - x1) / length) * size, ((y2 - y1) / length) * size];
  context.moveTo(x2, y2);
  context.lineTo(x2 - dx - dy * 0.4, y2 - dy + dx * 0.4);
  context.lineTo(x2 - dx + dy * 0.4, y2 - dy - dx * 0.4);
  context.closePath();
}

function distanceToLine(x: number, y: number, x1: number, y1: number, x2: number, y2: number): number {
  const squared = (x2 - x1) ** 2 + (y2 - y1) ** 2;
  const along = squared === 0 ? 0 : ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / squared;
  const share = Math.min(1, Math.max(0, along));
  return Math.hypot(x - (x1 + share * (x2 - x1)), y - (y1 + share * (y2 - y1)));
}
