/**
 * `npm start`: a three-node cluster on this machine and a prompt on it. Leaving the prompt stops the servers; their data
 * stays. Without a terminal, standard input is a script.
 */
import path from 'node:path';
import { connect } from '@kvorum/client';
import { runSession } from '@kvorum/cli';
import yoctoSpinner from 'yocto-spinner';
import { LocalCluster } from './local-cluster.ts';

const directory = path.resolve('.kvorum', 'local');
const interactive = process.stdin.isTTY && process.stdout.isTTY;

process.exitCode = await run();
// Whatever standard input may still have to say.
process.stdin.destroy();

async function run(): Promise<number> {
  const spinner = interactive ? yoctoSpinner({ text: 'Starting three servers ...' }).start() : undefined;
  const cluster = await LocalCluster.start(directory);
  try {
    await cluster.ready();
    spinner?.success(`Three servers serve on ${cluster.addresses.join(', ')}, their data and logs are in ${directory}`);
    return await openSession(cluster.addresses);
  } catch (error) {
    const message = explain(error instanceof Error ? error.message : String(error));
    if (spinner === undefined) process.stderr.write(`cannot start the cluster: ${message}\n`);
    else spinner.error(`Cannot start the cluster: ${message}`);
    return 1;
  } finally {
    await stopWithSpinner(cluster);
  }
}

/** What a server says of its flags means nothing to who typed `npm start`. */
function explain(message: string): string {
  const owner = /in use by process (\d+)/.exec(message)?.[1];
  return owner === undefined
    ? message
    : `another "npm start" is running here (its server is process ${owner}); leave that one first`;
}

async function openSession(servers: string[]): Promise<number> {
  const client = await connect({ servers });
  try {
    return await runSession({ client, interactive });
  } finally {
    await client.close();
  }
}

async function stopWithSpinner(cluster: LocalCluster): Promise<void> {
  const spinner = interactive ? yoctoSpinner({ text: 'Stopping the servers ...' }).start() : undefined;
  await cluster.stop();
  spinner?.success('The servers have stopped');
}
