/**
 * Three server processes on this machine, with their data below one directory.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const NODES = 3;
const HOST = '127.0.0.1';
/** Where clients look first; other ports are used where these are taken. */
const FIRST_PORT = 45678;
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5000;
const LOOK_MS = 50;

const serverProgram = fileURLToPath(import.meta.resolve('@kvorum/server/bin/server.js'));

interface Server {
  readonly process: ChildProcess;
  readonly port: number;
  readonly logFile: string;
  /** Where this run's part of the log begins. */
  readonly logStart: number;
}

export class LocalCluster {
  readonly #servers: readonly Server[];

  private constructor(servers: readonly Server[]) {
    this.#servers = servers;
  }

  /** "host:port" of each server. */
  get addresses(): string[] {
    return this.#servers.map(({ port }) => `${HOST}:${port}`);
  }

  /** Starts the servers; `ready` tells when they serve. */
  static async start(directory: string): Promise<LocalCluster> {
    const ports = await freePorts();
    const servers = ports.map((port, index) => {
      const dataDir = path.join(directory, `node-${index + 1}`);
      const join = index === 0 ? [] : ['-s', `${HOST}:${ports[0] ?? 0}`];
      return startServer(port, dataDir, join);
    });
    return new LocalCluster(servers);
  }

  /** Resolves once every server sees leaders for all its groups. Rejects with what a server said when it ended instead. */
  async ready(): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (const server of this.#servers) {
      while (!(await isHealthy(server))) {
        if (server.process.exitCode !== null) throw new Error(lastWords(server));
        if (performance.now() > deadline) {
          throw new Error(`the servers do not serve after ${START_TIMEOUT_MS / 1000} s; see ${server.logFile}`);
        }
        await delay(LOOK_MS);
      }
    }
  }

  /** Shuts the servers down and waits until they have ended. */
  async stop(): Promise<void> {
    await Promise.all(this.#servers.map(({ process: child }) => stopServer(child)));
  }
}

function startServer(port: number, dataDir: string, join: readonly string[]): Server {
  mkdirSync(dataDir, { recursive: true });
  const logFile = path.join(dataDir, 'server.log');
  // Another run may be writing to it, to find out that this one is in its way.
  const log = openSync(logFile, 'a');
  const logStart = fstatSync(log).size;
  // Detached from the terminal, so that Ctrl-C at the prompt is the prompt's; the channel ends it with this process.
  const child = spawn(process.execPath, [serverProgram, '-p', String(port), '--data-dir', dataDir, ...join], {
    stdio: ['ignore', log, log, 'ipc'],
    detached: true,
  });
  closeSync(log);
  return { process: child, port, logFile, logStart };
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
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

async function isHealthy({ port }: Server): Promise<boolean> {
  try {
    return (await fetch(`http://${HOST}:${port}/healthz`)).ok;
  } catch {
    return false;
  }
}

/** What a server that ended has logged last as an error. */
function lastWords({ logFile, logStart }: Server): string {
  const lines = readFileSync(logFile).subarray(logStart).toString().trim().split('\n');
  const line = lines.findLast((entry) => entry.includes('"level":"error"')) ?? lines.at(-1) ?? '';
  try {
    return (JSON.parse(line) as { message: string }).message;
  } catch {
    return line;
  }
}

/** The usual ports if all of them are free, else whichever the system gives. */
async function freePorts(): Promise<number[]> {
  const usual = Array.from({ length: NODES }, (_, index) => FIRST_PORT + index);
  const free = await Promise.all(usual.map(probe));
  if (!free.includes(undefined)) return usual;
  const any: number[] = [];
  for (let node = 0; node < NODES; node += 1) any.push((await probe(0)) as number);
  return any;
}

/** The port if it can be listened on. */
function probe(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}
