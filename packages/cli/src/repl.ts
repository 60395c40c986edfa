/**
 * The prompt on a terminal: one node:readline interface for the whole session.
 *
 * State: the lines that wait to be run, the command that runs, what is open and goes on in the next line. Invariants: one command runs at a time, in the order the
 * lines came; the prompt stands only while none runs; whatever was typed ahead is still there afterwards.
 */
import { clearScreenDown, createInterface, cursorTo, moveCursor } from 'node:readline';
import type { Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import { formatAddress } from '@kvorum/common';
import type { Client } from '@kvorum/client';
import { CommandReader } from './command-reader.ts';
import { complete } from './completion.ts';
import type { HistoryFile } from './history-file.ts';
import { HISTORY_LINES_MAX } from './history-file.ts';
import { withNews } from './news.ts';
import type { Output } from './output.ts';
import { IncompleteCommand, parseCommand } from './parse-command.ts';
import { completeByAsking, TerminalQuestions } from './questions.ts';
import type { Questions } from './questions.ts';
import { CTRL_R, ReverseSearch } from './reverse-search.ts';
import type { Session } from './session.ts';
import { TerminalInput } from './terminal-input.ts';
import { HealthWatch } from './watch-health.ts';
import type { Word } from './words.ts';
import { UsageError } from './words.ts';

export interface ReplOptions {
  readonly client: Client;
  readonly session: Session;
  readonly input: Readable;
  readonly output: Output;
  readonly history: HistoryFile;
  readonly welcome: string;
  readonly news: AsyncIterableIterator<string> | undefined;
  readonly signal: AbortSignal;
}

/** Resolves with the exit status when somebody leaves. */
export function runRepl(options: ReplOptions): Promise<number> {
  return new Repl(options).run();
}

class Repl {
  readonly #options: ReplOptions;
  readonly #input: TerminalInput;
  readonly #editor: Interface;
  readonly #questions: Questions;
  readonly #watch: HealthWatch;
  readonly #reader = new CommandReader();
  #queue: string[] = [];
  #running: AbortController | undefined;
  #pumping = false;
  #searching = false;
  /** News that came during a search, which has the line. */
  #held: string[] = [];
  #closed = false;
  #leave: () => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;

  constructor(options: ReplOptions) {
    this.#options = options;
    this.#input = new TerminalInput(options.input);
    this.#editor = createInterface({
      input: this.#input.editor,
      output: options.output.data,
      terminal: true,
      history: [...options.history.lines].reverse(),
      historySize: HISTORY_LINES_MAX,
      removeHistoryDuplicates: true,
      completer: (line: string) => this.#completions(line),
    });
    this.#questions = new TerminalQuestions(this.#input, options.output.data);
    this.#watch = new HealthWatch(options.client, { onChange: (_health, news) => this.#onHealth(news) });
    this.#input.setIntercept((chunk) => this.#intercept(chunk));
  }

  async run(): Promise<number> {
    const { output, welcome, signal, history } = this.#options;
    const left = new Promise<void>((resolve, reject) => {
      this.#leave = resolve;
      this.#fail = reject;
    });
    this.#editor.on('line', (line) => this.#onLine(line));
    this.#editor.on('SIGINT', () => this.#onInterrupt());
    this.#editor.on('close', () => this.#onEditorClosed());
    const stop = (): void => {
      this.#queue = [];
      this.#running?.abort();
      this.#editor.close();
    };
    signal.addEventListener('abort', stop, { once: true });
    output.broken.addEventListener('abort', stop, { once: true });
    output.notice(output.paintNotice('dim', welcome));
    if (history.trouble !== undefined) output.notice(history.trouble);
    if (signal.aborted) stop();
    else this.#prompt();
    try {
      await withNews(
        this.#options.news,
        (line) => this.#tell(line),
        () => left,
      );
    } finally {
      signal.removeEventListener('abort', stop);
      this.#watch.stop();
      if (!this.#closed) this.#editor.close();
      this.#input.release();
    }
    return 0;
  }

  // ---- lines ----

  #onLine(line: string): void {
    this.#queue.push(line);
    if (this.#pumping) return;
    this.#pumping = true;
    // The other lines of a paste come in the same turn; the prompt is gone while commands run.
    this.#editor.setPrompt('');
    void Promise.resolve()
      .then(() => this.#pump())
      .catch((error: unknown) => this.#fail(error));
  }

  async #pump(): Promise<void> {
    for (let line = this.#queue.shift(); line !== undefined; line = this.#queue.shift()) {
      this.#options.history.add(line);
      const exit = await this.#runLine(line);
      if (exit) {
        this.#leave();
        return;
      }
    }
    this.#pumping = false;
    if (this.#closed) this.#end();
    else this.#prompt();
  }

  /** The input has ended, and everything that came before has run. */
  #end(): void {
    const { open } = this.#reader;
    if (open !== undefined) this.#options.session.showError(new UsageError(`${open.name} is not closed`));
    this.#leave();
  }

  /** Returns whether the session is to end. */
  async #runLine(line: string): Promise<boolean> {
    const { session, output } = this.#options;
    this.#running = new AbortController();
    try {
      const wasOpen = this.#reader.open;
      const commands = this.#reader.push(line);
      if (commands === undefined) {
        if (wasOpen === undefined && this.#queue.length === 0) this.#tellOpen();
        return false;
      }
      const complete = await this.#complete(commands);
      const { exit } = await session.run(complete, { signal: this.#running.signal });
      output.endLine();
      return exit;
    } catch (error) {
      session.showError(error);
      return false;
    } finally {
      this.#running = undefined;
    }
  }

  #tellOpen(): void {
    const { output } = this.#options;
    const open = this.#reader.open?.name ?? '';
    output.notice(output.paintNotice('dim', `${open} is open and goes on in the next line; Ctrl-C drops it`));
  }

  /** Asks for what was left out; not in the middle of a paste or among several, where that is rather a mistake. */
  async #complete(commands: Word[][]): Promise<Word[][]> {
    const [words] = commands;
    if (words === undefined || commands.length > 1) return commands;
    if (this.#queue.length > 0 || this.#closed || this.#dumb) return commands;
    try {
      parseCommand(words);
      return commands;
    } catch (error) {
      if (!(error instanceof IncompleteCommand)) return commands;
      const { client, output } = this.#options;
      const complete = await completeByAsking(error.spec, error.words, this.#questions, client);
      if (complete !== undefined) return [complete];
      output.notice('nothing was done');
      return [];
    }
  }

  #completions(line: string): [string[], string] {
    const { client, session } = this.#options;
    return this.#reader.open === undefined ? complete(line, { client, keysSeen: session.keysSeen }) : [[], line];
  }

  // ---- keys ----

  #onInterrupt(): void {
    const { output } = this.#options;
    if (this.#running !== undefined) {
      const dropped = this.#queue.length;
      this.#queue = [];
      this.#running.abort();
      output.printLine('^C');
      if (dropped > 0) output.notice(`${dropped} more lines are dropped`);
      return;
    }
    const hadText = this.#editor.line !== '' || this.#reader.open !== undefined;
    this.#reader.reset();
    output.printLine('^C');
    if (!hadText) output.notice('Ctrl-D or "exit" leaves');
    this.#setLine('');
    this.#prompt();
  }

  #onEditorClosed(): void {
    this.#closed = true;
    this.#options.output.printLine('');
    if (!this.#pumping) this.#end();
  }

  /** Ctrl-R is not known to readline: what follows it goes to the search. */
  #intercept(chunk: Buffer): number {
    const at = this.#pumping || this.#dumb ? -1 : chunk.indexOf(CTRL_R);
    if (at === -1) return chunk.length;
    const rest = chunk.subarray(at + 1);
    // After readline has taken in what came before.
    setImmediate(() => this.#search(rest));
    return at;
  }

  #search(first: Buffer): void {
    const search = new ReverseSearch(this.#options.history.lines);
    this.#searching = true;
    const onData = (chunk: Buffer): void => {
      const outcome = search.onData(chunk);
      if (outcome.type === 'more') {
        this.#redraw(search.display);
        return;
      }
      this.#searching = false;
      restore();
      this.#redraw('');
      if (outcome.type !== 'cancelled') this.#setLine(outcome.line);
      this.#prompt();
      for (const news of this.#held.splice(0)) this.#tell(news);
      if (outcome.type === 'run') this.#input.feed(Buffer.from('\r'));
      this.#input.feed(outcome.rest);
    };
    const restore = this.#input.divert({ onData, onEnd: () => (this.#searching = false) });
    this.#redraw(search.display);
    if (first.length > 0) onData(first);
  }

  #setLine(text: string): void {
    this.#editor.write(null, { ctrl: true, name: 'e' });
    this.#editor.write(null, { ctrl: true, name: 'u' });
    if (text !== '') this.#editor.write(text);
  }

  // ---- what stands on the terminal ----

  /** A terminal that cannot move its cursor: no search, no questions. */
  get #dumb(): boolean {
    return this.#options.output.env['TERM'] === 'dumb';
  }

  #prompt(): void {
    const { open } = this.#reader;
    this.#editor.setPrompt(open === undefined ? this.#place() : `${open.sign}> `);
    this.#editor.prompt(true);
  }

  #place(): string {
    const { client, output } = this.#options;
    const { at, troubles } = this.#watch.health;
    const [first] = client.servers;
    const place = at ?? (first === undefined ? '' : formatAddress(first));
    const healthy = at !== undefined && troubles.length === 0;
    return `${output.paintData(healthy ? 'green' : 'red', `kvorum ${place}`)}> `;
  }

  /** The prompt shows how the cluster is. */
  #onHealth(news: string | undefined): void {
    if (news !== undefined) this.#tell(news);
    else if (!this.#closed && !this.#searching && !this.#pumping) this.#prompt();
  }

  /** News may come while somebody types: it goes above the line. */
  #tell(news: string): void {
    if (this.#searching) this.#held.push(news);
    if (this.#closed || this.#searching) return;
    const { output } = this.#options;
    const line = output.paintNotice('dim', news);
    if (this.#pumping) {
      output.notice(line);
      return;
    }
    this.#redraw('');
    output.notice(line);
    this.#prompt();
  }

  /** Puts `text` where the line being edited stands. */
  #redraw(text: string): void {
    const { data } = this.#options.output;
    if (this.#dumb) {
      data.write(`\n${text}`);
      return;
    }
    moveCursor(data, 0, -this.#editor.getCursorPos().rows);
    cursorTo(data, 0);
    clearScreenDown(data);
    data.write(text);
  }
}
