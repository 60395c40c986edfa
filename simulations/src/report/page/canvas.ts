/**
 * Canvas and DOM basics that the pictures share.
 */
import type { TimeWindow } from './time-window.ts';

export const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

export function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/** A new element; text is never read as markup. */
export function make(tag: string, className: string, text = ''): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

export function numberAt(column: ArrayLike<number>, index: number): number {
  return column[index] ?? 0;
}

/** A canvas in CSS pixels, sharp on any screen. */
export class Surface {
  readonly canvas: HTMLCanvasElement;
  readonly context: CanvasRenderingContext2D;
  width = 0;
  height = 0;

  constructor(id: string) {
    const canvas = element(id);
    if (!(canvas instanceof HTMLCanvasElement)) throw new Error(`#${id} is no canvas`);
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('this browser draws no canvas');
    this.canvas = canvas;
    this.context = context;
  }

  /** Blank, with the size the page gives it and the height asked for. */
  clear(height: number): void {
    const ratio = window.devicePixelRatio;
    const width = this.canvas.parentElement?.clientWidth ?? 800;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
    }
    this.width = width;
    this.height = height;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, width, height);
    this.context.font = FONT;
    this.context.textBaseline = 'middle';
    this.context.textAlign = 'left';
  }

  text(text: string, x: number, y: number, color: string, align: CanvasTextAlign = 'left'): void {
    this.context.fillStyle = color;
    this.context.textAlign = align;
    this.context.fillText(text, x, y);
  }

  /** As much of the text as fits into the width; nothing at all when that is next to nothing. */
  fittedText(text: string, x: number, y: number, width: number, color: string): void {
    if (width < 16) return;
    let shown = text;
    if (this.context.measureText(shown).width > width) {
      const share = width / this.context.measureText(shown).width;
      shown = `${text.slice(0, Math.max(0, Math.floor(text.length * share) - 1))}…`;
    }
    if (shown.length > 2) this.text(shown, x, y, color);
  }
}

/** Where times are on a canvas: `left` is the gutter with the names. */
export class TimeScale {
  readonly #time: TimeWindow;
  readonly left: number;
  right = 0;

  constructor(time: TimeWindow, left: number) {
    this.#time = time;
    this.left = left;
  }

  x(us: number): number {
    return this.left + ((us - this.#time.fromUs) / this.#time.widthUs) * (this.right - this.left);
  }

  us(x: number): number {
    return this.#time.fromUs + ((x - this.left) / (this.right - this.left)) * this.#time.widthUs;
  }
}

/** Seconds, with as many digits as a step of this many microseconds needs. */
export function secondsText(us: number, stepUs = 1): string {
  const digits = Math.min(6, Math.max(0, Math.ceil(6 - Math.log10(Math.max(stepUs, 1)) - 1e-9)));
  return `${(us / 1e6).toFixed(digits)} s`;
}

export function durationText(us: number): string {
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1e6) return `${(us / 1000).toFixed(us < 10_000 ? 2 : us < 100_000 ? 1 : 0)} ms`;
  return `${(us / 1e6).toFixed(2)} s`;
}

/** Ticks at round times, at most as many as are wanted. */
export function ticks(
  fromUs: number,
  toUs: number,
  wanted: number,
): { readonly stepUs: number; readonly at: number[] } {
  const rough = (toUs - fromUs) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const stepUs = Math.max(1, ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power);
  const at: number[] = [];
  for (let us = Math.ceil(fromUs / stepUs) * stepUs; us <= toUs; us += stepUs) at.push(us);
  return { stepUs, at };
}

/** Runs at most once per frame, however often it is asked for. */
export function oncePerFrame(run: () => void): () => void {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      run();
    });
  };
}

/** Wheel zooms at the pointer, sideways wheel and drag move; the same on every picture with a time scale. */
export function steer(canvas: HTMLCanvasElement, time: TimeWindow, scale: TimeScale): void {
  let grabbedUs: number | undefined;
  canvas.addEventListener(
    'wheel',
    (event) => {
      if (event.ctrlKey) return;
      event.preventDefault();
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        time.pan(((event.deltaX || event.deltaY) / 1000) * time.widthUs);
      } else {
        time.zoom(scale.us(Math.max(event.offsetX, scale.left)), Math.exp(event.deltaY / 400));
      }
    },
    { passive: false },
  );
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || event.offsetX < scale.left) return;
    canvas.setPointerCapture(event.pointerId);
    canvas.classList.add('grabbing');
    grabbedUs = scale.us(event.offsetX);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (grabbedUs !== undefined) time.pan(grabbedUs - scale.us(event.offsetX));
  });
  const release = (): void => {
    grabbedUs = undefined;
    canvas.classList.remove('grabbing');
  };
  canvas.addEventListener('pointerup', release);
  canvas.addEventListener('pointercancel', release);
}
