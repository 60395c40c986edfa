/**
 * The command line as a part of other programs: opens the prompt, or runs a script, on a client that is already there.
 */
import type { Readable, Writable } from 'node:stream';
import type { Client } from '@kvorum/client';
import { DEFAULT_TIMEOUT_MS } from '@kvorum/client';
import { exitStatus } from './exit-status.ts';
import { HistoryFile, historyPath } from './history-file.ts';
import { Output } from './output.ts';
import { runRepl } from './repl.ts';
import { runLines, runText } from './script.ts';
import { withNews } from './news.ts';
import { Session } from './session.ts';
import type { Environment } from './style.ts';
import { isTerminal } from './style.ts';
import { ValueSource } from './value-source.ts';
import { shellWord } from './words.ts';

export { findCommand } from './command-table.ts';
export { didYouMean } from './did-you-mean.ts';

export interface SessionOptions {
  /** Is not closed by the session. */
  readonly client: Client;
  /** Default: process.stdin. */
  readonly input?: Readable;
  /** Gets data. Default: process.stdout. */
  readonly output?: Writable;
  /** Gets everything else. Default: process.stderr. */
  readonly error?: Writable;
  /** Results as JSON objects. Default: false. */
  readonly json?: boolean;
  /** A prompt, or a script of one command per line. Default: a prompt if input and output are terminals. */
  readonly interactive?: boolean;
  /** How long a command may take. Default: 5000. */
  readonly timeoutMs?: number;
  /** The first line above the prompt. */
  readonly welcome?: string;
  /** Lines that somebody should see while the session lasts; they stand above the prompt, or go to the error stream. */
  readonly news?: AsyncIterableIterator<string>;
  /** Ends the session. */
  readonly signal?: AbortSignal;
  /** Where NO_COLOR, TERM, HOME and KVORUM_HISTFILE are looked up. Default: process.env. */
  readonly env?: Environment;
}

/** What to run instead of asking for commands. */
export type Commands =
  | { readonly type: 'command'; readonly words: readonly string[] }
  /** Lines of commands separated by ";". */
  | { readonly type: 'text'; readonly text: string };

const WELCOME = 'Kvorum. "help" lists the commands, Tab completes, Ctrl-D leaves.';

/**
 * Opens the prompt on a terminal, or runs the commands of a stream, until somebody leaves or the input ends. Resolves with
 * the exit status.
 */
export function runSession(options: SessionOptions): Promise<number> {
  const { input = process.stdin, output = process.stdout, env = process.env } = options;
  const interactive = options.interactive ?? (isTerminal(input) && isTerminal(output));
  const history = interactive ? new HistoryFile(historyPath(env)) : undefined;
  return withSession(options, new ValueSource(), history, (parts) => {
    const { client, news, welcome = WELCOME } = options;
    if (history !== undefined) return runRepl({ ...parts, client, input, history, welcome, news });
    return withNews(
      news,
      (line) => parts.output.notice(line),
      () => runLines(input, { ...parts, client }),
    );
  });
}

/** Runs one command, or those of a text. Resolves with the exit status. */
export function runCommands(options: SessionOptions, commands: Commands): Promise<number> {
  const values = new ValueSource(commands.type === 'command' ? (options.input ?? process.stdin) : undefined);
  return withSession(options, values, undefined, async (parts) => {
    if (commands.type === 'text') return runText(commands.text, { ...parts, client: options.client });
    const signal = AbortSignal.any([parts.signal, parts.output.broken]);
    return (await parts.session.run([commands.words.map(shellWord)], { signal })).status;
  });
}

interface Parts {
  readonly session: Session;
  readonly output: Output;
  readonly signal: AbortSignal;
}

async function withSession(
  options: SessionOptions,
  values: ValueSource,
  history: HistoryFile | undefined,
  run: (parts: Parts) => Promise<number>,
): Promise<number> {
  const { client, json = false, timeoutMs = DEFAULT_TIMEOUT_MS, env = process.env } = options;
  const { signal = new AbortController().signal } = options;
  const output = new Output(options.output ?? process.stdout, options.error ?? process.stderr, env);
  const context = { client, output, json, timeoutMs, values };
  const session = new Session(history === undefined ? context : { ...context, history: () => history.lines });
  const status = await run({ session, output, signal });
  await output.release();
  if (output.failure === undefined) return status;
  output.notice(`cannot write the output: ${output.failure.message}`);
  return exitStatus.usage;
}
