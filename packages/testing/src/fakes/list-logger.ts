/**
 * Keeps what is logged, debug lines left out.
 */
import type { Logger } from '@kvorum/common';

export class ListLogger implements Logger {
  readonly lines: string[] = [];

  debug(): void {}

  info(message: string): void {
    this.lines.push(`info ${message}`);
  }

  warn(message: string): void {
    this.lines.push(`warn ${message}`);
  }

  error(message: string): void {
    this.lines.push(`error ${message}`);
  }
}
