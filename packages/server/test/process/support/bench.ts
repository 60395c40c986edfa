/**
 * What a test starts and must not leave behind: server processes, temporary directories, clients.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import type { PlantedBug } from './planted.ts';
import { planted } from './planted.ts';
import { ServerProcess } from './server-process.ts';
import { straceCommand } from './system-calls.ts';

const running = new Set<ServerProcess>();
// Should the test process itself be ended in the middle.
process.once('exit', () => {
  for (const server of running) server.signal('SIGKILL');
});

export class Bench {
  readonly #servers: ServerProcess[] = [];
  readonly #cleanUps: (() => void | Promise<void>)[] = [];
  #directory: string | undefined;

  /** A directory of its own for each name. */
  directory(name: string): string {
    this.#directory ??= mkdtempSync(path.join(tmpdir(), 'kvorum-process-'));
    return path.join(this.#directory, name);
  }

  start(...args: readonly string[]): ServerProcess {
    return this.#register(new ServerProcess(args, this.directory('.')));
  }

  /** Its files cannot grow beyond that. */
  startLimited(fileKibMax: number, ...args: readonly string[]): ServerProcess {
    return this.#register(new ServerProcess(args, this.directory('.'), { fileKibMax }));
  }

  /** Its system calls are written to the file, which is whole when the server has ended; with this bug in it, if any. */
  startTraced(file: string, bug: PlantedBug | undefined, ...args: readonly string[]): ServerProcess {
    const nodeOptions = bug === undefined ? [] : planted(bug);
    const launch = { wrapper: straceCommand(file), nodeOptions };
    return this.#register(new ServerProcess(args, this.directory('.'), launch));
  }

  #register(server: ServerProcess): ServerProcess {
    this.#servers.push(server);
    running.add(server);
    void server.exited.then(() => running.delete(server));
    return server;
  }

  /** Called at the end, last first. */
  atEnd(cleanUp: () => void | Promise<void>): void {
    this.#cleanUps.push(cleanUp);
  }

  async close(): Promise<void> {
    for (const cleanUp of this.#cleanUps.reverse()) await cleanUp();
    for (const server of this.#servers) server.signal('SIGKILL');
    await Promise.all(this.#servers.map((server) => server.exited));
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** For one test: cleared away when it ends, however it ends. */
export function testBench(): Bench {
  const bench = new Bench();
  onTestFinished(() => bench.close());
  return bench;
}

/** For all tests of a file or a describe block. */
export function sharedBench(): Bench {
  const bench = new Bench();
  afterAll(() => bench.close());
  return bench;
}

/**
 * Ports for servers that must come back where they were. Below the range that the system takes for outgoing connections,
 * so that none of those can sit on the port of a server that is down. Each process has a range of its own: the one whose first
 * port it listens on.
 */
const PORTS_FIRST = 20_000;
const RANGES = 48;
const PORTS_PER_RANGE = 256;
let range: Promise<{ readonly first: number; next: number }> | undefined;

export async function freePort(): Promise<number> {
  range ??= claimRange();
  const own = await range;
  for (let attempt = 1; attempt < PORTS_PER_RANGE; attempt += 1) {
    own.next = (own.next % (PORTS_PER_RANGE - 1)) + 1;
    if (await isFree(own.first + own.next)) return own.first + own.next;
  }
  throw new Error('no free port');
}

async function claimRange(): Promise<{ readonly first: number; next: number }> {
  for (let place = 0; place < RANGES; place += 1) {
    const first = PORTS_FIRST + ((process.pid + place) % RANGES) * PORTS_PER_RANGE;
    const claim = await listen(first);
    if (claim === undefined) continue;
    claim.unref();
    return { first, next: 0 };
  }
  throw new Error('no free range of ports');
}

async function isFree(port: number): Promise<boolean> {
  const probe = await listen(port);
  if (probe === undefined) return false;
  await new Promise((resolve) => probe.close(resolve));
  return true;
}

/** Undefined where something listens already. */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
