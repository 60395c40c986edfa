/**
 * Three server processes on this machine, with their data below one directory: folder n1 holds node n1, and so on.
 *
 * State: the servers, which are started again when they die while the cluster serves. Invariant: node ids are given out in
 * the order of checking in, so a server is started only when the one before it has checked in.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EventStream } from '@kvorum/client';
import { describeOwner } from './describe-owner.ts';
import { ServerProcess } from './server-process.ts';

const NODES = 3;
const HOST = '127.0.0.1';
/** Where clients look first; other ports are used where these are taken. */
export const FIRST_PORT = 45678;
const START_TIMEOUT_MS = 20_000;
const LOOK_MS = 25;
const RESTART_PAUSE_MS = 250;
/** A server that ends this often within the time is not started again. */
const RESTARTS_MAX = 5;
const RESTARTS_WITHIN_MS = 60_000;
const OWNER_ONLY = 0o700;

export interface LocalClusterOptions {
  /** The servers listen there and on the two ports above it, or elsewhere if one is taken. 0: the system chooses. */
  readonly firstPort?: number;
}

export class LocalCluster {
  /** What people should know: which server died, whether it is started again. */
  readonly news = new EventStream<string>();
  readonly #servers: readonly ServerProcess[];
  /** When each server was started again lately. */
  readonly #restarts = new Map<ServerProcess, number[]>();
  readonly #stopping = new AbortController();

  private constructor(servers: readonly ServerProcess[]) {
    this.#servers = servers;
  }

  get servers(): readonly ServerProcess[] {
    return this.#servers;
  }

  /** "host:port" of each server. */
  get addresses(): string[] {
    return this.#servers.map((server) => server.address);
  }

  /** Starts the first servers; `ready` starts the others and tells when all of them serve. */
  static async start(directory: string, options: LocalClusterOptions = {}): Promise<LocalCluster> {
    makePrivate(directory);
    const ports = await freePorts(options.firstPort ?? FIRST_PORT);
    const servers = ports.map((port, index) => {
      const join = index === 0 ? undefined : `${HOST}:${ports[0] ?? 0}`;
      const dataDir = path.join(directory, `n${index + 1}`);
      makePrivate(dataDir);
      return new ServerProcess({ name: `n${index + 1}`, host: HOST, port, dataDir, join });
    });
    const cluster = new LocalCluster(servers);
    // The first one has its number without checking in.
    for (const server of servers.slice(0, 2)) server.start();
    return cluster;
  }

  /** Resolves once every server sees leaders for all its groups. Rejects with what a server said when it ended instead. */
  async ready(): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (const [index, server] of this.#servers.entries()) {
      if (index >= 2) {
        await this.#until(deadline, () => this.#hasCheckedIn(index));
        server.start();
      }
    }
    for (const server of this.#servers) await this.#until(deadline, () => server.isHealthy());
    for (const server of this.#servers) {
      server.onExit = () => this.#onDied(server);
      if (!server.running) this.#onDied(server);
    }
  }

  /** Shuts the servers down and waits until they have ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#servers.map((server) => server.stop()));
    this.news.close();
  }

  /** Whether that many nodes are known to the first server, or the cluster was formed earlier. */
  async #hasCheckedIn(count: number): Promise<boolean> {
    const status = await this.#servers[0]?.status();
    return status !== undefined && (status.state === 'member' || (status.present ?? 0) >= count);
  }

  async #until(deadline: number, done: () => Promise<boolean>): Promise<void> {
    while (!(await done())) {
      const ended = this.#servers.find((server) => server.ended);
      if (ended !== undefined) throw new Error(explainEnd(ended));
      if (performance.now() > deadline) {
        const logs = this.#servers.map((server) => server.logFile).join(', ');
        throw new Error(`the servers do not serve after ${START_TIMEOUT_MS / 1000} s; see ${logs}`);
      }
      await delay(LOOK_MS);
    }
  }

  #onDied(server: ServerProcess): void {
    if (this.#stopping.signal.aborted) return;
    const now = performance.now();
    const lately = (this.#restarts.get(server) ?? []).filter((at) => now - at < RESTARTS_WITHIN_MS);
    const died = `${server.name} at ${server.address} ${server.howItEnded}`;
    if (lately.length >= RESTARTS_MAX) {
      this.news.push(
        `${died}; it was started again ${RESTARTS_MAX} times within a minute and is left alone now, see ${server.logFile}`,
      );
      return;
    }
    this.#restarts.set(server, [...lately, now]);
    this.news.push(`${died}; it is started again`);
    delay(RESTART_PAUSE_MS, undefined, { signal: this.#stopping.signal })
      .then(() => server.start())
      .catch((error: Error) => {
        if (this.#stopping.signal.aborted) return;
        this.news.push(`${server.name} at ${server.address} cannot be started again: ${error.message}`);
      });
  }
}

/** Why a server did not start, without blame for anybody who is not known to be in the way. */
function explainEnd(server: ServerProcess): string {
  const owner = /in use by process (\d+)/.exec(server.lastWords)?.[1];
  if (owner === undefined) return `${server.name} at ${server.address} ${server.howItEnded}`;
  return `the data of ${server.name} in ${server.dataDir} is in use by process ${owner}${describeOwner(Number(owner))}`;
}

/** Only its owner may look into it, also if an earlier version has made it. */
function makePrivate(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: OWNER_ONLY });
  chmodSync(directory, OWNER_ONLY);
}

/** The usual ports if all of them are free, else whichever the system gives. */
async function freePorts(first: number): Promise<number[]> {
  const usual = Array.from({ length: NODES }, (_, index) => (first === 0 ? 0 : first + index));
  const free = await Promise.all(usual.map(probe));
  if (first !== 0 && !free.includes(undefined)) return usual;
  const any = await Promise.all(usual.map(() => probe(0)));
  return any.map((port) => port ?? 0);
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
