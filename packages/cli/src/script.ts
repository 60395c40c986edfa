/**
 * Lines of commands from a stream, or from an argument. A line that fails does not keep the following ones from running;
 * the exit status is that of the first command that did not give 0.
 */
import { Readable } from 'node:stream';
import { defaultLimits } from '@kvorum/common';
import type { Client } from '@kvorum/client';
import type { Open } from './command-reader.ts';
import { CommandReader } from './command-reader.ts';
import { exitStatus } from './exit-status.ts';
import type { Output } from './output.ts';
import type { Session } from './session.ts';
import { textOf } from './show-bytes.ts';
import type { Word } from './words.ts';
import { UsageError } from './words.ts';

/** Room for two values with every byte written as \xHH. */
const LINE_BYTES_MAX = 10 * defaultLimits.valueBytesMax;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export interface ScriptOptions {
  readonly client: Pick<Client, 'layout'>;
  readonly session: Session;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** The commands of a stream; messages name their lines. */
export function runLines(input: AsyncIterable<Uint8Array | string>, options: ScriptOptions): Promise<number> {
  return runScript(input, options, true);
}

/** The commands of `-e`. */
export function runText(text: string, options: ScriptOptions): Promise<number> {
  return runScript(Readable.from([text]), options, false);
}

/** Stops early when no server could be reached at all: waiting for one again with each line helps nobody. */
async function runScript(
  input: AsyncIterable<Uint8Array | string>,
  options: ScriptOptions,
  numbered: boolean,
): Promise<number> {
  const { client, session, output, signal } = options;
  const stop = AbortSignal.any([signal, output.broken]);
  const reader = new LineReader();
  const place = (): number | undefined => (numbered ? reader.first : undefined);
  let status = 0;
  for await (const line of linesOf(input, stop)) {
    if (stop.aborted) break;
    let ran;
    try {
      const commands = reader.push(line);
      if (commands === undefined || commands.length === 0) continue;
      ran = await session.run(commands, { signal: stop, line: place() });
    } catch (error) {
      ran = { status: session.showError(error, undefined, place()), exit: false };
    }
    if (output.broken.aborted) return status;
    status ||= ran.status;
    const cutOff = ran.status === exitStatus.unreachable && client.layout === undefined;
    if (ran.exit || reader.lost || cutOff) return status;
  }
  if (reader.open === undefined || stop.aborted) return status;
  const failed = session.showError(new UsageError(`${reader.open.name} is not closed`), undefined, place());
  return status || failed;
}

/** The lines of a script as commands. */
class LineReader {
  readonly #reader = new CommandReader();
  #number = 0;
  #bytes = 0;
  /** The line where the command that was read last began. */
  first = 1;
  /** A line inside a quote cannot be read: what follows may be commands or the rest of a value. */
  lost = false;

  get open(): Open | undefined {
    return this.#reader.open;
  }

  push(line: Buffer | undefined): Word[][] | undefined {
    this.#number += 1;
    if (this.open === undefined) {
      this.first = this.#number;
      this.#bytes = 0;
    }
    this.#bytes += line?.length ?? 0;
    this.lost = this.open !== undefined;
    if (line === undefined || this.#bytes > LINE_BYTES_MAX) {
      throw new UsageError(`the line is longer than ${LINE_BYTES_MAX} bytes`);
    }
    const text = decodeLine(line, this.#number === 1);
    this.lost = false;
    return this.#reader.push(text);
  }
}

function decodeLine(line: Buffer, first: boolean): string {
  const text = textOf(line);
  if (text === undefined) throw new UsageError('the line is not UTF-8; write other bytes as \\xHH');
  return first && text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** Lines without their ends; undefined for one that is too long. The last one needs no end. */
async function* linesOf(
  input: AsyncIterable<Uint8Array | string>,
  stop: AbortSignal,
): AsyncGenerator<Buffer | undefined> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const take = (last: Buffer): Buffer | undefined => {
    const tooLong = pendingBytes + last.length > LINE_BYTES_MAX;
    const line = pending.length === 0 ? last : Buffer.concat([...pending, last]);
    pending = [];
    pendingBytes = 0;
    if (tooLong) return undefined;
    return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
  };
  for await (const chunk of untilAborted(input, stop)) {
    let rest =
      typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let end = rest.indexOf(LINE_FEED); end !== -1; end = rest.indexOf(LINE_FEED)) {
      yield take(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
    }
    pendingBytes += rest.length;
    // Of a line that is too long only its length is kept.
    if (pendingBytes <= LINE_BYTES_MAX) pending.push(rest);
    else pending = [];
  }
  if (pendingBytes > 0) yield take(Buffer.alloc(0));
}

/** Does not wait for input that may never come once it is to stop. */
async function* untilAborted<T>(input: AsyncIterable<T>, stop: AbortSignal): AsyncGenerator<T> {
  const iterator = input[Symbol.asyncIterator]();
  const aborted = new Promise<undefined>((resolve) => {
    if (stop.aborted) resolve(undefined);
    else stop.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  for (;;) {
    const next = await Promise.race([iterator.next(), aborted]);
    if (next === undefined) {
      void iterator.return?.();
      return;
    }
    if (next.done) return;
    yield next.value;
  }
}
