/**
 * The server's composition root: wiring, signals, the end.
 */
import { hostname } from 'node:os';
import path from 'node:path';
import type { Address, Settings } from '@kvorum/common';
import { formatAddress, MetricsRegistry, settingsWith } from '@kvorum/common';
import type { DataDirectory } from './adapters/storage/data-directory.ts';
import { claimDirectory } from './adapters/storage/data-directory.ts';
import { checkDataFormat } from './adapters/storage/format-file.ts';
import { openStorages } from './adapters/storage/lmdb-storage.ts';
import { systemClock } from './adapters/process/system-clock.ts';
import type { ProcessMetrics } from './adapters/process/process-metrics.ts';
import { watchProcess } from './adapters/process/process-metrics.ts';
import { systemRandom } from './adapters/process/system-random.ts';
import { metricsText } from './adapters/http/metrics-text.ts';
import { hostNames } from './adapters/http/origin-check.ts';
import type { PageSources } from './adapters/http/pages.ts';
import { healthChecks, livenessChecks, readinessChecks } from './adapters/http/probes.ts';
import type { WebServer } from './adapters/http/web-server.ts';
import { listen } from './adapters/http/web-server.ts';
import type { ThrottledLogger } from './adapters/logs/throttled-logger.ts';
import { throttledLogger } from './adapters/logs/throttled-logger.ts';
import { createLogger } from './adapters/logs/winston-logger.ts';
import { attachClient } from './adapters/websocket/ws-client-gateway.ts';
import { wsDialer } from './adapters/websocket/ws-dialer.ts';
import { WsPeerTransport } from './adapters/websocket/ws-peer-transport.ts';
import { Node } from './core/index.ts';
import type { ServerFlags } from './flags.ts';
import { exposureWarning, packageVersion } from './flags.ts';
import { flags } from './command-line.ts';
import { NodeMetrics } from './node-metrics.ts';
import { viewOf } from './node-view.ts';
import type { Failure } from './start-failure.ts';
import { describeFailure } from './start-failure.ts';

/** How long a shutdown waits for applied data to reach the disk; the log has it anyway. */
const SHUTDOWN_FLUSH_MS = 2000;
/** How long the last lines of the log may take to be written. */
const LAST_LINES_MS = 1000;

const terminal = process.stderr.isTTY;
const writer = createLogger({
  level: flags.logLevel,
  format: flags.logFormat === 'auto' ? (terminal ? 'text' : 'json') : flags.logFormat,
  color: terminal && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb',
});
const logger = throttledLogger(writer, systemClock);
const metrics = new MetricsRegistry();
/** Until they are there, a connection is told that the node is just starting. */
const running: { node?: Node; transport?: WsPeerTransport; storageFailure?: string } = {};
let stopping = false;

/** Ends the process once the reason is written; the node does nothing more from here on. */
function fail({ message, fields }: Failure): void {
  running.node?.stop();
  process.exitCode = 1;
  logger.error(message, fields);
  if (stopping) return;
  stopping = true;
  logger.flush();
  setTimeout(() => process.exit(), LAST_LINES_MS).unref();
  writer.end(() => process.exit());
}

// Whoever reads the log may go away, which is no reason to stop.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
process.on('uncaughtException', (error) => fail(describeFailure(error, flags)));

try {
  await startServer(flags, logger);
} catch (error) {
  fail(describeFailure(error, flags));
}

async function startServer(flags: ServerFlags, logger: ThrottledLogger): Promise<void> {
  const { heartbeatRoundMs, electionTimeoutMs } = flags;
  const settings = settingsWith({ timings: { heartbeatRoundMs, electionTimeoutMs } });
  const directory = claimDirectory(path.resolve(flags.dataDir));
  process.on('exit', () => directory.release());
  checkDataFormat(directory.path);
  const onStorageFailure = (error: Error): void => {
    running.storageFailure = error.message;
    const message = `a write to ${directory.path} failed: ${error.message}; nothing was acknowledged that is not on disk. Make room or replace the disk, then start again`;
    fail({ message });
  };
  const storages = openStorages(directory.path, onStorageFailure, { clock: systemClock, metrics });
  const processMetrics = watchProcess(metrics, systemClock, directory.path);
  const web = await startWeb(flags, settings, processMetrics);
  const address = advertisedAddress(flags, web.address);
  logger.info(`listens on ${formatAddress(web.address)}, data in ${directory.path}`);
  const exposed = exposureWarning(flags.host);
  if (exposed !== undefined) logger.warn(exposed);
  const transport = new WsPeerTransport(logger, address, metrics, settings);
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
      metrics,
    },
    {
      address,
      join: flags.join,
      clusterSize: flags.clusterSize,
      replication: flags.replication,
      partitions: flags.partitions,
      settings,
      onRejected: (reason) => fail({ message: reason }),
    },
  );
  running.transport = transport;
  running.node = node;
  node.start();
  warnOfIgnoredFlags(flags, node);
  const stop = (signal: NodeJS.Signals): void => void shutDown(signal, { node, transport, web, storages, directory });
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  // Started by a program rather than by a person: ends with it.
  process.once('disconnect', () => stop('SIGTERM'));
}

async function startWeb(flags: ServerFlags, settings: Settings, processMetrics: ProcessMetrics): Promise<WebServer> {
  const names = [flags.host, advertisedHost(flags), ...flags.allowedHosts];
  const nodeMetrics = new NodeMetrics(metrics, packageVersion());
  const web: WebServer = await listen(
    { host: flags.host, port: flags.port },
    {
      clientConnectionsMax: settings.limits.clientConnectionsMax,
      hostNames: hostNames(names),
      pages: pageSources(processMetrics, () => {
        processMetrics.collect();
        running.transport?.collect();
        running.node?.collectMetrics();
        nodeMetrics.collect(running.node && viewOf(running.node), web.clientConnections, stopping);
      }),
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
  return web;
}

function pageSources({ loop }: ProcessMetrics, collect: () => void): PageSources {
  return {
    liveness: () => livenessChecks({ sinceTurnMs: loop.sinceTurnMs, storageFailure: running.storageFailure }),
    readiness: () => readinessChecks({ state: running.node && viewOf(running.node).state, stopping }),
    health: () => healthChecks(running.node?.healthy === true, running.node ? viewOf(running.node).groups : []),
    status: () => ({ ...running.node?.status(), pid: process.pid, droppedPeerFrames: running.transport?.dropped }),
    metrics: () => {
      collect();
      return metricsText(metrics);
    },
  };
}

function warnOfIgnoredFlags(flags: ServerFlags, { formed }: Node): void {
  if (!flags.formationGiven || formed === undefined) return;
  logger.warn(
    `the cluster was formed with ${formed.nodes} nodes and ${formed.partitions} partitions; --cluster-size, --replication and ` +
      '--partitions count only when a cluster is formed',
  );
}

interface Parts {
  readonly node: Node;
  readonly transport: WsPeerTransport;
  readonly web: WebServer;
  readonly storages: { close(): Promise<void> };
  readonly directory: DataDirectory;
}

async function shutDown(signal: NodeJS.Signals, parts: Parts): Promise<void> {
  if (stopping) return;
  stopping = true;
  logger.info(`${signal}: shuts down`);
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
  logger.flush();
  // A write that failed meanwhile has set the exit code.
  setTimeout(() => process.exit(), LAST_LINES_MS).unref();
  writer.end(() => process.exit());
}

/** Where others reach this node: a wildcard address is no use to them. */
function advertisedHost({ host, advertise }: ServerFlags): string {
  const wildcard = host === '0.0.0.0' || host === '::';
  return advertise ?? (wildcard ? hostname() : host);
}

function advertisedAddress(flags: ServerFlags, listening: Address): Address {
  return { host: advertisedHost(flags), port: listening.port };
}
