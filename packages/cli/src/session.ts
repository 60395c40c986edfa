/**
 * What a command line, a script and the REPL have in common: runs one command after the other, shows what comes of it.
 *
 * State: whether timing is on, which keys were seen. Invariant: `run` never throws for what a user can cause.
 */
import type { Client, ServedBy } from '@kvorum/client';
import type { ClusterCommand } from './execute.ts';
import { execute } from './execute.ts';
import { exitStatus, statusOfError } from './exit-status.ts';
import { explainError } from './explain-error.ts';
import { helpAbout, helpOverview } from './help.ts';
import { HumanPrinter } from './human-printer.ts';
import { JsonPrinter } from './json-printer.ts';
import type { Output } from './output.ts';
import type { ParsedCommand } from './parse-command.ts';
import { parseCommand } from './parse-command.ts';
import type { Printer } from './printer.ts';
import type { Result } from './result.ts';
import { statusOfResult } from './result.ts';
import { showBytes } from './show-bytes.ts';
import { withSpinner } from './spinner.ts';
import type { ValueSource } from './value-source.ts';
import type { Word } from './words.ts';
import { UsageError } from './words.ts';
import { KvorumError } from '@kvorum/common';

export interface SessionContext {
  readonly client: Client;
  readonly output: Output;
  readonly json: boolean;
  readonly timeoutMs: number;
  readonly values: ValueSource;
  /** The commands of this and earlier sessions, newest last. */
  readonly history?: () => readonly string[];
}

export interface RunOptions {
  readonly signal: AbortSignal;
  /** The line of a script, for messages. */
  readonly line?: number | undefined;
}

export interface Ran {
  readonly status: number;
  /** The session is to end. */
  readonly exit: boolean;
}

/** Keys that completion offers. */
const KEYS_SEEN_MAX = 500;

export class Session {
  readonly #context: SessionContext;
  readonly #human: Printer;
  readonly #json: Printer;
  readonly #keysSeen = new Set<string>();
  #timing = false;

  constructor(context: SessionContext) {
    this.#context = context;
    this.#human = new HumanPrinter(context.output);
    this.#json = new JsonPrinter(context.output);
  }

  /** As they are shown; the latest last. */
  get keysSeen(): readonly string[] {
    return [...this.#keysSeen];
  }

  /**
   * Runs the commands of a line in order, and none of them if one is not understood. The status is that of the first that
   * did not give 0.
   */
  async run(line: readonly (readonly Word[])[], options: RunOptions): Promise<Ran> {
    let commands: ParsedCommand[];
    try {
      commands = line.map(parseCommand);
    } catch (error) {
      return { status: this.showError(error, undefined, options.line), exit: false };
    }
    let status: number = exitStatus.done;
    for (const command of commands) {
      const ran = await this.#runOne(command, options);
      status ||= ran.status;
      if (ran.exit || options.signal.aborted || this.#isCutOff(ran)) return { status, exit: ran.exit };
    }
    return { status, exit: false };
  }

  /** No server could be reached at all: waiting for one again with each command helps nobody. */
  #isCutOff({ status }: Ran): boolean {
    return status === exitStatus.unreachable && this.#context.client.layout === undefined;
  }

  async #runOne(command: ParsedCommand, options: RunOptions): Promise<Ran> {
    try {
      if (command.name === 'exit') return { status: exitStatus.done, exit: true };
      if (isAboutSession(command)) return { status: this.#runLocal(command), exit: false };
      return { status: await this.#runOnCluster(command, options), exit: false };
    } catch (error) {
      return { status: this.showError(error, command, options.line), exit: false };
    }
  }

  /** Returns the exit status that fits. */
  showError(error: unknown, command?: ParsedCommand, line?: number): number {
    const shown = explainError(error, command, this.#context.client.servers);
    if (shown === undefined) throw error;
    const place = line === undefined ? {} : { line };
    // A command that was stopped because nobody reads any more is not worth a word.
    const quiet = this.#context.output.broken.aborted;
    if (!quiet) this.#printer(command?.json ?? false).error({ ...shown, ...place });
    return error instanceof KvorumError ? statusOfError(error) : exitStatus.usage;
  }

  async #runOnCluster(command: ClusterCommand, { signal }: RunOptions): Promise<number> {
    const { client, output, values } = this.#context;
    const startedMs = performance.now();
    let served: ServedBy | undefined;
    const work = execute(client, command, {
      timeoutMs: command.timeoutMs ?? this.#context.timeoutMs,
      signal,
      values,
      onServed: (by) => (served = by),
    });
    const result = await withSpinner(output, `${command.name} ...`, work);
    const timing = this.#timing ? { durationMs: performance.now() - startedMs, served } : undefined;
    this.#noteKey(result);
    this.#printer(command.json).result(result, timing);
    await output.drained();
    return statusOfResult(result);
  }

  #runLocal(command: Exclude<ParsedCommand, ClusterCommand | { readonly name: 'exit' }>): number {
    const { output, history } = this.#context;
    switch (command.name) {
      case 'help': {
        const paint = output.paintData;
        const lines = command.about === undefined ? helpOverview(paint) : helpAbout(command.about, paint);
        for (const line of lines) output.printLine(line);
        break;
      }
      case 'timing':
        this.#timing = command.on;
        output.notice(`timing is ${command.on ? 'on' : 'off'}`);
        break;
      case 'history':
        if (history === undefined) throw new UsageError('only the prompt on a terminal keeps a history');
        for (const line of history()) if (line.includes(command.search)) output.printLine(line);
        break;
    }
    return exitStatus.done;
  }

  #printer(json: boolean): Printer {
    return json || this.#context.json ? this.#json : this.#human;
  }

  #noteKey(result: Result): void {
    if (!('key' in result)) return;
    const shown = showBytes(result.key);
    this.#keysSeen.delete(shown);
    this.#keysSeen.add(shown);
    if (this.#keysSeen.size <= KEYS_SEEN_MAX) return;
    for (const oldest of this.#keysSeen) {
      this.#keysSeen.delete(oldest);
      return;
    }
  }
}

function isAboutSession(command: ParsedCommand): command is Exclude<ParsedCommand, ClusterCommand> {
  return command.name === 'help' || command.name === 'timing' || command.name === 'history' || command.name === 'exit';
}
