/**
 * What a test starts and must not leave behind: server processes, temporary directories, clients.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import { ServerProcess } from './server-process.ts';

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
    return this.#register(new ServerProcess(args, this.directory('.'), fileKibMax));
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
 * so that none of those can sit on the port of a server that is down; a range of its own for each vitest worker.
 */
const PORTS_FIRST = 20_000;
const PORTS_PER_WORKER = 1500;
const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % 8;
let nextPort = process.pid % PORTS_PER_WORKER;

export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < PORTS_PER_WORKER; attempt += 1) {
    nextPort = (nextPort + 1) % PORTS_PER_WORKER;
    const port = PORTS_FIRST + worker * PORTS_PER_WORKER + nextPort;
    if (await isFree(port)) return port;
  }
  throw new Error('no free port');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
