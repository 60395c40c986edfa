/**
 * The server's command line.
 */
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Address } from '@kvorum/common';
import { NODES_MAX, parseAddress, PARTITIONS_MAX } from '@kvorum/common';
import type { LogFormat, LogLevel } from './adapters/logs/log-options.ts';
import { logFormats, logLevels } from './adapters/logs/log-options.ts';

export interface ServerFlags {
  readonly port: number;
  readonly join: Address | undefined;
  readonly host: string;
  readonly advertise: string | undefined;
  /** Further names by which requests may call this server. */
  readonly allowedHosts: readonly string[];
  readonly dataDir: string;
  readonly clusterSize: number;
  readonly replication: number;
  readonly partitions: number;
  /** How often nodes ask each other whether they are there. */
  readonly heartbeatRoundMs: number;
  /** How long a leader may be silent before another is elected; a heartbeat round at least. */
  readonly electionTimeoutMs: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat | 'auto';
  /** Whether the command line says anything about how the cluster is to be formed. */
  readonly formationGiven: boolean;
}

type Derived =
  'join' | 'allowedHosts' | 'replication' | 'dataDir' | 'heartbeatRoundMs' | 'electionTimeoutMs' | 'formationGiven';

interface RawFlags extends Omit<ServerFlags, Derived> {
  readonly server?: Address;
  readonly allowedHost?: readonly string[];
  readonly replication?: number;
  readonly dataDir?: string;
  readonly heartbeatRound: number;
  readonly electionTimeout?: number;
}

const REPLICATION_DEFAULT = 3;
const HEARTBEAT_ROUND_MS_DEFAULT = 100;
const HEARTBEAT_ROUND_MS_MAX = 60_000;
const ELECTION_TIMEOUT_MS_MAX = 600_000;
const TIME_MS_MIN = 10;
const ALLOWED_HOSTS_MAX = 100;

/** Ends the process with status 1 and a sentence when the flags are wrong. */
export function parseFlags(argv: readonly string[]): ServerFlags {
  const command = createCommand().parse(argv);
  const raw = command.opts<RawFlags>();
  const replication = raw.replication ?? Math.min(REPLICATION_DEFAULT, raw.clusterSize);
  if (replication > raw.clusterSize) {
    command.error(
      `error: --replication ${replication} needs at least as many nodes, but --cluster-size is ${raw.clusterSize}; ` +
        'raise the one or lower the other',
    );
  }
  if (replication % 2 === 0) {
    const odd = replication - 1;
    process.stderr.write(
      `warning: --replication ${replication} survives no more failures than ${odd} would, and needs one more node for each write\n`,
    );
  }
  if (raw.server !== undefined && raw.port !== 0 && raw.server.port === raw.port && raw.server.host === raw.host) {
    command.error('error: -s names this very server; name another one, or leave -s out for the bootstrap server');
  }
  const { server: join, dataDir = `.kvorum/node-${raw.port}`, allowedHost: allowedHosts = [], ...others } = raw;
  const { heartbeatRound: heartbeatRoundMs, electionTimeout: electionTimeoutMs = heartbeatRoundMs, ...rest } = others;
  if (electionTimeoutMs < heartbeatRoundMs) {
    command.error(
      `error: --election-timeout ${electionTimeoutMs} is shorter than --heartbeat-round ${heartbeatRoundMs}: a leader would be given ` +
        'up before it could be heard; raise the one or lower the other',
    );
  }
  const formationGiven = ['clusterSize', 'replication', 'partitions'].some(
    (name) => command.getOptionValueSource(name) === 'cli',
  );
  const derived = { join, allowedHosts, replication, dataDir, heartbeatRoundMs, electionTimeoutMs, formationGiven };
  return { ...rest, advertise: raw.advertise, ...derived };
}

/** What the operator should know about where this server listens; undefined on loopback. */
export function exposureWarning(host: string): string | undefined {
  const loopback = host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
  return loopback
    ? undefined
    : `listens on ${host} without authentication or encryption: whoever reaches the port can read and write everything; ` +
        'let a firewall keep others out, or listen on 127.0.0.1';
}

function createCommand(): Command {
  return new Command('kvorum server')
    .description('Runs a node of a Kvorum cluster. Without -s it is the bootstrap node, where the others check in.')
    .option('-p, --port <port>', 'port for clients, other nodes and http; 0 lets the system choose', port, 45678)
    .option('-s, --server <host:port>', 'a node of the cluster to join; after formation any of them will do', address)
    .option(
      '--host <host>',
      'address to listen on; whoever reaches it can read and write everything, there is no authentication',
      notEmpty,
      '127.0.0.1',
    )
    .option(
      '--advertise <host>',
      'name or address under which others reach this node (default: the one it listens on)',
      notEmpty,
    )
    .option(
      '--allowed-host <name>',
      'another name by which requests may call this server, for instance that of a proxy; may be repeated (default: none)',
      hostName,
    )
    .option('--data-dir <dir>', 'where the data is kept (default: .kvorum/node-PORT)', notEmpty)
    .option(
      '--cluster-size <n>',
      'nodes that form the cluster, this one included (bootstrap node only)',
      count(NODES_MAX),
      3,
    )
    .option(
      '--replication <n>',
      'nodes that hold each key, odd (bootstrap node only; default: 3, or all if there are fewer)',
      count(NODES_MAX),
    )
    .option('--partitions <n>', 'groups that the keys are spread over (bootstrap node only)', count(PARTITIONS_MAX), 12)
    .option(
      '--heartbeat-round <ms>',
      'how often nodes ask each other whether they are there',
      milliseconds(HEARTBEAT_ROUND_MS_MAX),
      HEARTBEAT_ROUND_MS_DEFAULT,
    )
    .option(
      '--election-timeout <ms>',
      'how long a leader may be silent before another is elected (default: a heartbeat round)',
      milliseconds(ELECTION_TIMEOUT_MS_MAX),
    )
    .addOption(new Option('--log-level <level>', 'how much is logged, on stderr').choices(logLevels).default('info'))
    .addOption(
      new Option(
        '--log-format <format>',
        'lines for people or for programs; auto is text on a terminal, json otherwise',
      )
        .choices(['auto', ...logFormats])
        .default('auto'),
    )
    .version(packageVersion(), '-V, --version', 'prints the version')
    .helpOption('-h, --help', 'prints this help')
    .allowExcessArguments(false)
    .showHelpAfterError('(kvorum server --help explains the flags)')
    .addHelpText('after', examples);
}

const examples = `
A cluster of three on this machine, each in a terminal of its own:
  kvorum server -p 45678
  kvorum server -p 45679 -s 127.0.0.1:45678
  kvorum server -p 45680 -s 127.0.0.1:45678

Six nodes, five replicas of each key:
  kvorum server -p 45678 --cluster-size 6 --replication 5

A node that was stopped is started again with the same command; it finds its data in --data-dir.
http://HOST:PORT/livez, /readyz, /healthz and /status tell how it is, /metrics counts.
`;

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65535) throw new InvalidArgumentError('A port is a whole number from 0 to 65535.');
  return value;
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new InvalidArgumentError('It must be HOST:PORT, for example 127.0.0.1:45678.');
  return parsed;
}

/** Nothing would silently be everywhere, or here. */
function notEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

/** Collects the names of a flag that may be repeated. */
function hostName(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^[0-9A-Za-z_](?:[0-9A-Za-z._-]{0,251}[0-9A-Za-z_])?$/.test(text)) {
    throw new InvalidArgumentError('It must be a host name without scheme and port, for example db.example.');
  }
  if (before.length === ALLOWED_HOSTS_MAX) throw new InvalidArgumentError(`No more than ${ALLOWED_HOSTS_MAX} names.`);
  return [...before, text];
}

function count(max: number): (text: string) => number {
  return (text) => wholeNumber(text, 1, max);
}

function milliseconds(max: number): (text: string) => number {
  return (text) => wholeNumber(text, TIME_MS_MIN, max);
}

function wholeNumber(text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  }
  return value;
}

/** Of this package; the file stands beside dist and src. */
export function packageVersion(): string {
  const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}
