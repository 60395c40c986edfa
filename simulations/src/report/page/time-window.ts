/**
 * The span of time that all pictures of the page show, and how it moves.
 */
const WINDOW_US_MIN = 50;

export class TimeWindow {
  readonly endUs: number;
  #fromUs = 0;
  #toUs: number;
  readonly #listeners: (() => void)[] = [];

  constructor(endUs: number) {
    this.endUs = Math.max(endUs, WINDOW_US_MIN);
    this.#toUs = this.endUs;
  }

  get fromUs(): number {
    return this.#fromUs;
  }

  get toUs(): number {
    return this.#toUs;
  }

  get widthUs(): number {
    return this.#toUs - this.#fromUs;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Keeps the width where it can, and stays within the run. */
  show(fromUs: number, toUs: number): void {
    const width = Math.min(Math.max(toUs - fromUs, WINDOW_US_MIN), this.endUs);
    this.#fromUs = Math.min(Math.max(fromUs, 0), this.endUs - width);
    this.#toUs = this.#fromUs + width;
    for (const listener of this.#listeners) listener();
  }

  /** `atUs` stays where it is; a factor below 1 shows less time. */
  zoom(atUs: number, factor: number): void {
    const width = Math.min(Math.max(this.widthUs * factor, WINDOW_US_MIN), this.endUs);
    const share = (atUs - this.#fromUs) / this.widthUs;
    this.show(atUs - share * width, atUs + (1 - share) * width);
  }

  pan(byUs: number): void {
    this.show(this.#fromUs + byUs, this.#toUs + byUs);
  }

  center(atUs: number): void {
    this.show(atUs - this.widthUs / 2, atUs + this.widthUs / 2);
  }
}
