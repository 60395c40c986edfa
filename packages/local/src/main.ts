/**
 * The program `kvorum local`, which is also what `npm start` runs: a three-node cluster on this machine and a prompt on it.
 * Leaving the prompt stops the servers; their data stays. Without a terminal, standard input is a script.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { connect } from '@kvorum/client';
import { runSession } from '@kvorum/cli';
import yoctoSpinner from 'yocto-spinner';
import { FIRST_PORT, LocalCluster } from './local-cluster.ts';

const help = `Usage: kvorum local [-p PORT]

Starts three servers on this machine and opens a prompt on them; leaving the prompt stops them. Their data and logs stay in
.kvorum/local of the directory it is started in. A server that dies is started again. Without a terminal, standard input is
a script.

  -p, --port PORT  the first of three ports (default: ${FIRST_PORT}, others if they are taken; 0 lets the system choose)
  -h, --help       show this help

Examples:
  kvorum local
  printf 'put a 1\\nget a\\n' | kvorum local
`;

export async function main(argv: readonly string[]): Promise<number> {
  let firstPort: number | undefined;
  try {
    firstPort = parseFlags(argv);
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n"kvorum local --help" explains the flags\n`);
    return 1;
  }
  if (firstPort === undefined) {
    process.stdout.write(help);
    return 0;
  }
  const status = await run(firstPort, path.resolve('.kvorum', 'local'), process.stdin.isTTY && process.stdout.isTTY);
  // Whatever standard input may still have to say.
  process.stdin.destroy();
  return status;
}

/** Undefined: help is asked for. */
function parseFlags(argv: readonly string[]): number | undefined {
  const options = { port: { type: 'string', short: 'p' }, help: { type: 'boolean', short: 'h' } } as const;
  const { values } = parseArgs({ args: [...argv], options });
  if (values.help === true) return undefined;
  const { port = String(FIRST_PORT) } = values;
  if (/^\d+$/.test(port) && Number(port) <= PORT_MAX - 2) return Number(port);
  throw new Error(`a port is a whole number from 0 to ${PORT_MAX - 2}, not "${port}"`);
}

const PORT_MAX = 65535;

async function run(firstPort: number, directory: string, interactive: boolean): Promise<number> {
  const spinner = interactive ? yoctoSpinner({ text: 'Starting three servers ...' }).start() : undefined;
  let cluster: LocalCluster | undefined;
  try {
    cluster = await LocalCluster.start(directory, { firstPort });
    await cluster.ready();
    spinner?.success(`Three servers serve on ${cluster.addresses.join(', ')}, their data and logs are in ${directory}`);
    return await openSession(cluster, interactive);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (spinner === undefined) process.stderr.write(`cannot start the cluster: ${message}\n`);
    else spinner.error(`Cannot start the cluster: ${message}`);
    return 1;
  } finally {
    await stopWithSpinner(cluster, interactive);
  }
}

async function openSession(cluster: LocalCluster, interactive: boolean): Promise<number> {
  const client = await connect({ servers: cluster.addresses });
  try {
    return await runSession({ client, interactive, news: cluster.news.subscribe([]) });
  } finally {
    await client.close();
  }
}

async function stopWithSpinner(cluster: LocalCluster | undefined, interactive: boolean): Promise<void> {
  const spinner = interactive ? yoctoSpinner({ text: 'Stopping the servers ...' }).start() : undefined;
  await cluster?.stop();
  spinner?.success('The servers have stopped');
}
