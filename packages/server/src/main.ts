/**
 * The server's composition root: flags, wiring, signals.
 */
import { hostname } from 'node:os';
import path from 'node:path';
import type { Address } from '@kvorum/common';
import { formatAddress, settingsWith } from '@kvorum/common';
import type { DataDirectory } from './adapters/storage/data-directory.ts';
import { claimDirectory, DirectoryInUse } from './adapters/storage/data-directory.ts';
import { checkDataFormat } from './adapters/storage/format-file.ts';
import { openStorages } from './adapters/storage/lmdb-storage.ts';
import { systemClock } from './adapters/process/system-clock.ts';
import { systemRandom } from './adapters/process/system-random.ts';
import { listen } from './adapters/http/web-server.ts';
import type { ProcessLogger } from './adapters/logs/winston-logger.ts';
import { createLogger } from './adapters/logs/winston-logger.ts';
import { attachClient } from './adapters/websocket/ws-client-gateway.ts';
import { wsDialer } from './adapters/websocket/ws-dialer.ts';
import { WsPeerTransport } from './adapters/websocket/ws-peer-transport.ts';
import { CorruptRecord, Node, UnknownFormat, UnknownProtocol } from './core/index.ts';
import type { ServerFlags } from './flags.ts';
import { parseFlags } from './flags.ts';

/** How long a shutdown waits for applied data to reach the disk; the log has it anyway. */
const SHUTDOWN_FLUSH_MS = 2000;
/** How long the reason of a failure may take to be written. */
const FAILURE_LOG_MS = 1000;

const flags = parseFlags(process.argv);
const logger = createLogger(flags.logLevel, process.stderr.isTTY);
/** Until both are there, a connection is told that the node is just starting. */
const running: { node?: Node; transport?: WsPeerTransport } = {};
let stopping = false;

/** Ends the process once the reason is written; the node does nothing more from here on. */
function fail(message: string): void {
  running.node?.stop();
  process.exitCode = 1;
  logger.error(message);
  if (stopping) return;
  stopping = true;
  setTimeout(() => process.exit(), FAILURE_LOG_MS).unref();
  logger.end(() => process.exit());
}

process.on('uncaughtException', (error) => {
  if (isUnusableData(error)) fail(describeStartFailure(error, flags));
  else fail(`stops because of a fault of its own: ${error.stack ?? error.message}`);
});

try {
  await startServer(flags, logger);
} catch (error) {
  fail(describeStartFailure(error, flags));
}

async function startServer(flags: ServerFlags, logger: ProcessLogger): Promise<void> {
  const settings = settingsWith();
  const directory = claimDirectory(path.resolve(flags.dataDir));
  process.on('exit', () => directory.release());
  checkDataFormat(directory.path);
  const storages = openStorages(directory.path, (error) => {
    fail(
      `a write to ${directory.path} failed: ${error.message}; nothing was acknowledged that is not on disk. Make room or replace the disk, then start again`,
    );
  });
  const web = await listen(
    { host: flags.host, port: flags.port },
    {
      clientConnectionsMax: settings.limits.clientConnectionsMax,
      healthy: () => running.node?.healthy === true,
      status: () => ({ ...running.node?.status(), pid: process.pid, droppedPeerFrames: running.transport?.dropped }),
      onClient: (socket, remote) => {
        if (running.node === undefined) socket.terminate();
        else attachClient(socket, remote, running.node, settings.timings.firstFrameTimeoutMs);
      },
      checkPeer: (request) =>
        running.transport?.check(request) ?? (running.transport ? undefined : 'this node is just starting'),
      peerHeaders: () => running.transport?.headers() ?? [],
      onPeer: (socket, request) => running.transport?.accept(socket, request),
    },
  );
  const address = advertisedAddress(flags, web.address);
  logger.info(`listens on ${formatAddress(web.address)}, data in ${directory.path}`);
  const transport = new WsPeerTransport(logger, address, settings.limits);
  const node = new Node(
    {
      clock: systemClock,
      random: systemRandom,
      logger,
      transport,
      dialer: wsDialer,
      logStorage: storages.log,
      stateStorage: storages.state,
      nodeRecords: storages.records,
    },
    {
      address,
      join: flags.join,
      clusterSize: flags.clusterSize,
      replication: flags.replication,
      partitions: flags.partitions,
      settings,
      onRejected: fail,
    },
  );
  running.transport = transport;
  running.node = node;
  node.start();
  const { formed } = node;
  if (flags.formationGiven && formed !== undefined) {
    logger.warn(
      `the cluster was formed with ${formed.nodes} nodes and ${formed.partitions} partitions; --cluster-size, --replication and ` +
        '--partitions count only when a cluster is formed',
    );
  }
  const stop = (signal: NodeJS.Signals): void =>
    void shutDown(signal, { node, transport, web, storages, directory, logger });
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  // Started by a program rather than by a person: ends with it.
  process.once('disconnect', () => stop('SIGTERM'));
}

interface Parts {
  readonly node: Node;
  readonly transport: WsPeerTransport;
  readonly web: { close(): void };
  readonly storages: { close(): Promise<void> };
  readonly directory: DataDirectory;
  readonly logger: ProcessLogger;
}

async function shutDown(signal: NodeJS.Signals, parts: Parts): Promise<void> {
  if (stopping) return;
  stopping = true;
  parts.logger.info(`${signal}: shuts down`);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, SHUTDOWN_FLUSH_MS);
    parts.node.flush(() => {
      clearTimeout(timer);
      resolve();
    });
  });
  parts.node.stop();
  parts.transport.close();
  parts.web.close();
  await parts.storages.close();
  parts.directory.release();
  // A write that failed meanwhile has set the exit code.
  parts.logger.end(() => process.exit());
}

/** Where others reach this node: a wildcard address is no use to them. */
function advertisedAddress(flags: ServerFlags, listening: Address): Address {
  const wildcard = flags.host === '0.0.0.0' || flags.host === '::';
  return { host: flags.advertise ?? (wildcard ? hostname() : flags.host), port: listening.port };
}

function isUnusableData(error: unknown): boolean {
  return error instanceof CorruptRecord || error instanceof UnknownFormat || error instanceof UnknownProtocol;
}

function describeStartFailure(error: unknown, flags: ServerFlags): string {
  const { code } = error as NodeJS.ErrnoException;
  const where = formatAddress({ host: flags.host, port: flags.port });
  if (error instanceof DirectoryInUse) return error.message;
  if (error instanceof UnknownFormat || error instanceof UnknownProtocol) {
    return `${error.message}; start the version of Kvorum that wrote ${flags.dataDir}, or choose an empty --data-dir`;
  }
  if (error instanceof CorruptRecord) {
    return `the data in ${flags.dataDir} cannot be used: ${error.message}. Keep the directory for inspection and restore this node's data from a copy`;
  }
  if (code === 'EADDRINUSE') return `${where} is in use by another program; choose another port with -p`;
  if (code === 'EADDRNOTAVAIL') return `${flags.host} is no address of this machine; choose another with --host`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `${flags.host} is no name that can be resolved; choose another with --host`;
  if (code === 'ENOTDIR' || code === 'EEXIST' || code === 'EROFS') {
    return `${flags.dataDir} cannot be made a directory: ${(error as Error).message}; choose another --data-dir`;
  }
  if (code === 'EACCES') return `no permission: ${(error as Error).message}`;
  return `cannot start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
