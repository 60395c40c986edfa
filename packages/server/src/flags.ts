/**
 * The server's command line.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Address } from '@kvorum/common';
import { NODES_MAX, parseAddress, PARTITIONS_MAX } from '@kvorum/common';
import type { LogLevel } from './adapters/logs/winston-logger.ts';
import { logLevels } from './adapters/logs/winston-logger.ts';

export interface ServerFlags {
  readonly port: number;
  readonly join: Address | undefined;
  readonly host: string;
  readonly advertise: string | undefined;
  readonly dataDir: string;
  readonly clusterSize: number;
  readonly replication: number;
  readonly partitions: number;
  readonly logLevel: LogLevel;
  /** Whether the command line says anything about how the cluster is to be formed. */
  readonly formationGiven: boolean;
}

interface RawFlags extends Omit<ServerFlags, 'join' | 'replication' | 'dataDir' | 'formationGiven'> {
  readonly server?: Address;
  readonly replication?: number;
  readonly dataDir?: string;
}

const REPLICATION_DEFAULT = 3;

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
  const { server: join, dataDir = `.kvorum/node-${raw.port}`, ...rest } = raw;
  const formationGiven = ['clusterSize', 'replication', 'partitions'].some(
    (name) => command.getOptionValueSource(name) === 'cli',
  );
  return { ...rest, advertise: raw.advertise, join, replication, dataDir, formationGiven };
}

function createCommand(): Command {
  return new Command('server')
    .description('Runs a node of a Kvorum cluster. Without -s it is the bootstrap node, where the others check in.')
    .option('-p, --port <port>', 'port for clients, other nodes and http; 0 lets the system choose', port, 45678)
    .option('-s, --server <host:port>', 'a node of the cluster to join; after formation any of them will do', address)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--advertise <host>', 'name or address under which others reach this node (default: the one it listens on)')
    .option('--data-dir <dir>', 'where the data is kept (default: .kvorum/node-PORT)')
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
    .addOption(new Option('--log-level <level>', 'how much is logged, on stderr').choices(logLevels).default('info'))
    .allowExcessArguments(false)
    .showHelpAfterError('(server --help explains the flags)')
    .addHelpText('after', examples);
}

const examples = `
A cluster of three on this machine, each in a terminal of its own:
  server -p 45678
  server -p 45679 -s 127.0.0.1:45678
  server -p 45680 -s 127.0.0.1:45678

Six nodes, five replicas of each key:
  server -p 45678 --cluster-size 6 --replication 5

A node that was stopped is started again with the same command; it finds its data in --data-dir.
http://HOST:PORT/healthz and /status tell how it is.
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

function count(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < 1 || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from 1 to ${max}.`);
    }
    return value;
  };
}
