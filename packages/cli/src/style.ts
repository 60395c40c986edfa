/**
 * Colours: on a terminal that has them, unless somebody asked for none.
 */
import type { Writable } from 'node:stream';
import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (style: Style, text: string) => string;

export type Environment = Readonly<Record<string, string | undefined>>;

export function isTerminal(stream: object): boolean {
  return 'isTTY' in stream && stream.isTTY === true;
}

/** A terminal that can move its cursor. */
export function isCapable(stream: object, env: Environment): boolean {
  return isTerminal(stream) && env['TERM'] !== 'dumb';
}

/** Paints what goes to the stream; paints nothing where that makes no sense. See https://no-color.org. */
export function painter(stream: Writable, env: Environment): Paint {
  if (!isCapable(stream, env) || (env['NO_COLOR'] ?? '') !== '') return (_style, text) => text;
  return (style, text) => styleText(style, text, { validateStream: false });
}
