/**
 * Questions on the terminal: what inquirer is good at. It gets an input of its own for as long as a question stands, so
 * that its readline and the line editor's never read the same stream.
 */
import { PassThrough, Writable } from 'node:stream';
import type { Readable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { nodeName } from '@kvorum/common';
import type { Client } from '@kvorum/client';
import type { CommandSpec } from './command-table.ts';
import type { TerminalInput } from './terminal-input.ts';
import type { Word } from './words.ts';
import { shellWord } from './words.ts';

const CTRL_D = 0x04;
const ENTER = 0x0d;

export interface Choice {
  readonly name: string;
  readonly value: string;
}

/** Undefined: the question was left with Ctrl-C or Ctrl-D. */
export interface Questions {
  ask(message: string, allowEmpty: boolean): Promise<string | undefined>;
  choose(message: string, choices: readonly Choice[]): Promise<string | undefined>;
  confirm(message: string): Promise<boolean | undefined>;
}

export class TerminalQuestions implements Questions {
  readonly #input: TerminalInput;
  readonly #output: Writable;

  constructor(input: TerminalInput, output: Writable) {
    this.#input = input;
    this.#output = output;
  }

  ask(message: string, allowEmpty: boolean): Promise<string | undefined> {
    const validate = (answer: string): true | string => allowEmpty || answer !== '' || 'it cannot be empty';
    return this.#prompt((prompt) => prompt<{ answer: string }>([{ type: 'input', name: 'answer', message, validate }]));
  }

  choose(message: string, choices: readonly Choice[]): Promise<string | undefined> {
    return this.#prompt((prompt) =>
      prompt<{ answer: string }>([{ type: 'select', name: 'answer', message, choices: [...choices] }]),
    );
  }

  confirm(message: string): Promise<boolean | undefined> {
    return this.#prompt((prompt) =>
      prompt<{ answer: boolean }>([{ type: 'confirm', name: 'answer', message, default: false }]),
    );
  }

  async #prompt<T>(ask: (prompt: PromptModule) => Promise<{ answer: T }>): Promise<T | undefined> {
    const input = new PassThrough();
    const lines = new LineByLine(input);
    const left = new AbortController();
    const leave = (): void => left.abort();
    const restore = this.#input.divert({
      onData: (chunk) => {
        if (chunk.includes(CTRL_D)) leave();
        else lines.push(chunk);
      },
      onEnd: leave,
    });
    try {
      const answered = ask(await promptModule(input, shield(this.#output), left.signal));
      lines.start();
      const { answer } = await answered;
      restore();
      this.#input.unread(lines.stop());
      return answer;
    } catch (error) {
      if (isLeaving(error)) return undefined;
      throw error;
    } finally {
      lines.stop();
      restore();
    }
  }
}

/** Turns of the event loop until inquirer has taken in a line, or listens at all. */
const INQUIRER_TURNS = 5;

/**
 * Hands over what is typed one line at a time: the first line may answer the question, and what comes after an answer
 * would be thrown away.
 */
class LineByLine {
  readonly #target: PassThrough;
  #pending: Buffer = Buffer.alloc(0);
  #waiting = true;
  #stopped = false;

  constructor(target: PassThrough) {
    this.#target = target;
  }

  push(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    if (!this.#waiting) this.#handOver();
  }

  start(): void {
    afterTurns(INQUIRER_TURNS, () => this.#handOver());
  }

  /** Returns what was not handed over. */
  stop(): Buffer {
    this.#stopped = true;
    return this.#pending;
  }

  #handOver(): void {
    this.#waiting = this.#pending.length > 0;
    if (!this.#waiting || this.#stopped) return;
    const end = this.#pending.indexOf(ENTER);
    const length = end === -1 ? this.#pending.length : end + 1;
    const line = this.#pending.subarray(0, length);
    this.#pending = this.#pending.subarray(length);
    this.#target.write(line);
    afterTurns(INQUIRER_TURNS, () => this.#handOver());
  }
}

type PromptModule = Awaited<ReturnType<typeof promptModule>>;

/** Loaded when the first question is asked: it would double the time a plain command takes to start. */
async function promptModule(input: Readable, output: Writable, signal: AbortSignal) {
  const { default: inquirer } = await import('inquirer');
  return inquirer.createPromptModule({ input, output, signal });
}

/** Inquirer ends what it wrote to when a question is over; only process.stdout would survive that. */
function shield(output: Writable): Writable {
  const shielded = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      output.write(chunk);
      done();
    },
  });
  const terminal = output as Partial<WriteStream>;
  return Object.assign(shielded, { isTTY: terminal.isTTY, columns: terminal.columns, rows: terminal.rows });
}

function afterTurns(turns: number, act: () => void): void {
  if (turns === 0) act();
  else setImmediate(() => afterTurns(turns - 1, act));
}

function isLeaving(error: unknown): boolean {
  return error instanceof Error && /^(?:Exit|Abort|Cancel)PromptError$/.test(error.name);
}

/** Asks for the arguments a command lacks. Undefined: somebody thought better of it. */
export async function completeByAsking(
  spec: CommandSpec,
  given: readonly Word[],
  questions: Questions,
  client: Client,
): Promise<Word[] | undefined> {
  const words = [shellWord(spec.name), ...given];
  for (const argument of spec.arguments.slice(given.length)) {
    let answer: string | undefined;
    switch (argument.kind) {
      case 'node':
        answer = await questions.choose('Which node?', nodeChoices(client));
        break;
      case 'group':
        answer = await questions.choose('Which group?', groupChoices(client));
        break;
      case 'switch':
        answer = await questions.choose(
          `${spec.name}?`,
          ['on', 'off'].map((value) => ({ name: value, value })),
        );
        break;
      default:
        answer = await questions.ask(`${argument.name}:`, argument.kind === 'value');
    }
    if (answer === undefined) return undefined;
    // An answer is a value as it stands, also one that begins with dashes; @FILE still names a file.
    words.push({ ...shellWord(answer), literal: answer === '' || answer.startsWith('-') });
  }
  if (spec.name === 'delete') {
    const sure = await questions.confirm(`Delete ${words[1]?.text ?? 'it'}?`);
    if (sure !== true) return undefined;
  }
  return words;
}

function nodeChoices(client: Client): Choice[] {
  return (client.layout?.nodes ?? []).map(({ id, address }) => ({
    name: `${nodeName(id)}  ${address.host}:${address.port}`,
    value: nodeName(id),
  }));
}

function groupChoices(client: Client): Choice[] {
  return (client.layout?.groups ?? []).map(({ id, members }) => ({
    name: `${id}  on ${members.map(nodeName).join(' ')}${id === 0 ? '  (the layout)' : ''}`,
    value: String(id),
  }));
}
