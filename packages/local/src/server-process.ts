/**
 * One server process, its log and what it says about itself. It can be started again after it has ended.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { closeSync, fchmodSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const STOP_TIMEOUT_MS = 5000;
const ASK_TIMEOUT_MS = 2000;
const OWNER_ONLY = 0o600;

const serverProgram = createRequire(import.meta.url).resolve('@kvorum/server/bin/server.js');

export interface ServerProcessOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** The server to check in at; undefined for the bootstrap server. */
  readonly join: string | undefined;
}

/** The part of a server's status that is needed here. */
interface Status {
  readonly node: number;
  readonly state: string;
  readonly present?: number;
}

export class ServerProcess {
  readonly address: string;
  readonly dataDir: string;
  readonly logFile: string;
  /** Called when it ends, for whatever reason. */
  onExit: () => void = () => undefined;
  readonly #options: ServerProcessOptions;
  #name: string;
  #child: ChildProcess | undefined;
  /** Where this run's part of the log begins. */
  #logStart = 0;

  constructor(options: ServerProcessOptions) {
    this.#options = options;
    this.#name = options.name;
    this.address = `${options.host}:${options.port}`;
    this.dataDir = options.dataDir;
    this.logFile = path.join(options.dataDir, 'server.log');
  }

  /** The name of its node. */
  get name(): string {
    return this.#name;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get running(): boolean {
    return this.#child !== undefined && !this.ended;
  }

  get ended(): boolean {
    return this.#child !== undefined && (this.#child.exitCode !== null || this.#child.signalCode !== null);
  }

  start(): void {
    const { port, dataDir, join } = this.#options;
    // Another run may be writing to it, to find out that this one is in its way.
    const log = openSync(this.logFile, 'a', OWNER_ONLY);
    fchmodSync(log, OWNER_ONLY);
    this.#logStart = fstatSync(log).size;
    const args = [
      serverProgram,
      '-p',
      String(port),
      '--data-dir',
      dataDir,
      ...(join === undefined ? [] : ['-s', join]),
    ];
    // Detached from the terminal, so that Ctrl-C at the prompt is the prompt's; the channel ends it with this process.
    const child = spawn(process.execPath, args, { stdio: ['ignore', log, log, 'ipc'], detached: true });
    closeSync(log);
    this.#child = child;
    child.once('exit', () => this.onExit());
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || this.ended) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const patience = new AbortController();
    const late = delay(STOP_TIMEOUT_MS, undefined, { signal: patience.signal }).then(
      () => child.kill('SIGKILL'),
      () => undefined,
    );
    await ended;
    patience.abort();
    await late;
  }

  async isHealthy(): Promise<boolean> {
    return (await this.#ask('/healthz'))?.ok === true;
  }

  async status(): Promise<Status | undefined> {
    const response = await this.#ask('/status');
    return response?.ok === true ? ((await response.json()) as Status) : undefined;
  }

  /** "ended with status 1: ..." */
  get howItEnded(): string {
    const { exitCode = null, signalCode = null } = this.#child ?? {};
    const how = signalCode === null ? `ended with status ${exitCode}` : `was ended by ${signalCode}`;
    const words = this.lastWords;
    return words === '' ? how : `${how}; its last words: ${words}`;
  }

  /** What this run has logged last, as an error if it did; empty when there is no log any more. */
  get lastWords(): string {
    let log: Buffer;
    try {
      log = readFileSync(this.logFile);
    } catch {
      return '';
    }
    const lines = log.subarray(this.#logStart).toString().trim().split('\n').map(messageOf);
    return (lines.findLast(({ level }) => level === 'error') ?? lines.at(-1))?.message ?? '';
  }

  async #ask(what: string): Promise<Response | undefined> {
    try {
      return await fetch(`http://${this.address}${what}`, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
    } catch {
      return undefined;
    }
  }
}

function messageOf(line: string): { readonly level: string; readonly message: string } {
  try {
    return JSON.parse(line) as { level: string; message: string };
  } catch {
    return { level: '', message: line };
  }
}
