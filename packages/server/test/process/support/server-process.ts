/**
 * One real server process: started from the build, watched by its log, its http answers and /proc, ended by its pid.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Address } from '@kvorum/common';
import { formatAddress, parseAddress } from '@kvorum/common';
import { until, within } from './deadline.ts';

const SERVER = fileURLToPath(new URL('../../../bin/server.js', import.meta.url));
const START_MS_MAX = 10_000;
const EXIT_MS_MAX = 10_000;

/** How a server is started other than plainly. */
export interface Launch {
  /** No file of it can grow beyond that: to its writes, a disk that is full. */
  readonly fileKibMax?: number;
  /** What starts the program in its place, with the program as its last arguments. */
  readonly wrapper?: readonly string[];
  readonly nodeOptions?: readonly string[];
}

export interface LogLine {
  /** Empty for a line that is not one of the logger's. */
  readonly level: string;
  readonly message: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface GroupStatus {
  readonly group: number;
  readonly members: readonly number[];
  readonly leader: number;
  readonly leading: boolean;
  readonly decidedIndex: number;
  readonly appliedIndex: number;
  readonly sessions: number;
}

export interface Status {
  readonly node: number;
  readonly clusterId: string;
  readonly address: string;
  readonly state: 'forming' | 'member' | 'spare';
  readonly epoch: number;
  readonly incarnation: number;
  readonly pid: number;
  readonly nodes?: readonly { readonly id: number; readonly address: string; readonly suspected: boolean }[];
  readonly clients: number;
  readonly badFrames: number;
  readonly groups: readonly GroupStatus[];
}

export class ServerProcess {
  readonly args: readonly string[];
  readonly lines: LogLine[] = [];
  /** The same, as they were written. */
  readonly raw: string[] = [];
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  #alive = true;

  constructor(args: readonly string[], cwd: string, { fileKibMax, wrapper = [], nodeOptions = [] }: Launch = {}) {
    this.args = args;
    const command = [...wrapper, process.execPath, ...nodeOptions, SERVER, ...args];
    const limited = ['bash', '-c', `ulimit -f ${fileKibMax}; exec "$@"`, 'bash', ...command];
    const [program = '', ...rest] = fileKibMax === undefined ? command : limited;
    this.#child = spawn(program, rest, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) {
        createInterface(stream).on('line', (line) => {
          this.raw.push(line);
          this.lines.push(parseLine(line));
        });
      }
    }
    this.exited = new Promise((resolve) => {
      // Not 'exit': by 'close' everything that it wrote has been read.
      this.#child.on('close', (code, signal) => {
        this.#alive = false;
        resolve({ code, signal });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get alive(): boolean {
    return this.#alive && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it wrote, for error messages and assertions. */
  get output(): string {
    return this.lines.map((line) => line.message).join('\n');
  }

  logged(pattern: RegExp, timeoutMs = START_MS_MAX): Promise<LogLine> {
    return until(`log line ${pattern} of process ${this.pid}`, timeoutMs, () => {
      const line = this.lines.find(({ message }) => pattern.test(message));
      if (line === undefined && !this.alive) throw new Error(`it has ended:\n${this.output}`);
      return line;
    });
  }

  /** Where it listens, from its log. */
  async address(): Promise<Address> {
    const { message } = await this.logged(/^listens on \S+,/);
    const address = parseAddress(/^listens on (\S+),/.exec(message)?.[1] ?? '');
    if (address === undefined) throw new Error(`no address in "${message}"`);
    return address;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Sends the signal and waits for the end. */
  async end(name: NodeJS.Signals): Promise<Exit> {
    this.signal(name);
    return this.exit();
  }

  exit(timeoutMs = EXIT_MS_MAX): Promise<Exit> {
    return within(`end of process ${this.pid}`, timeoutMs, this.exited);
  }

  async http(path: string, method = 'GET', timeoutMs = 2000): Promise<Response> {
    const url = `http://${formatAddress(await this.address())}${path}`;
    return fetch(url, { method, signal: AbortSignal.timeout(timeoutMs) });
  }

  async status(): Promise<Status> {
    return (await (await this.http('/status')).json()) as Status;
  }

  async healthy(): Promise<boolean> {
    return (await this.http('/healthz')).status === 200;
  }

  /** Resident memory now. */
  get rssBytes(): number {
    return this.#memory('VmRSS');
  }

  /** The highest that resident memory ever was. */
  get rssBytesMax(): number {
    return this.#memory('VmHWM');
  }

  #memory(field: string): number {
    const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
    if (match === null) throw new Error(`/proc/${this.pid}/status has no ${field}`);
    return Number(match[1]) * 1024;
  }
}

function parseLine(line: string): LogLine {
  try {
    const { level, message } = JSON.parse(line) as LogLine;
    return { level, message };
  } catch {
    return { level: '', message: line };
  }
}
