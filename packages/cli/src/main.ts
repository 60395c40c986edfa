/**
 * The program `kvorum client`: flags, one client, one session, the exit status.
 */
import { CommanderError } from 'commander';
import type { Client } from '@kvorum/client';
import { createClient } from '@kvorum/client';
import { exitStatus } from './exit-status.ts';
import { runCommands, runSession } from './index.ts';
import { Output } from './output.ts';
import type { Invocation } from './program.ts';
import { parseInvocation } from './program.ts';
import { Session } from './session.ts';
import { withSpinner } from './spinner.ts';
import { isTerminal } from './style.ts';
import { ValueSource } from './value-source.ts';

/** With all servers refusing, waiting on is of little use; one that is being started still gets this long. */
const GIVE_UP_REFUSED_MS = 2000;

/** What shells add to a signal's number. */
const SIGNALLED = 128;
const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export async function main(argv: readonly string[]): Promise<number> {
  // A reader of the help that goes away (`| head`) is no error; of data, Output takes care.
  process.stdout.on('error', () => undefined);
  let invocation: Invocation;
  try {
    invocation = parseInvocation(argv);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.done : exitStatus.usage;
    throw error;
  }
  const stop = new AbortController();
  let signalled = 0;
  for (const name of Object.keys(signals) as (keyof typeof signals)[]) {
    process.once(name, () => {
      signalled = SIGNALLED + signals[name];
      stop.abort();
    });
  }
  const { servers, localPort, timeoutMs } = invocation;
  const giveUpRefusedMs = Math.min(GIVE_UP_REFUSED_MS, timeoutMs);
  const client = createClient({ servers, localPort, timeoutMs, giveUpRefusedMs });
  try {
    const status = await run(invocation, client, stop.signal);
    return status === exitStatus.unknown || signalled === 0 ? status : signalled;
  } finally {
    await client.close();
    // A script that was left early would otherwise go on waiting for its input.
    process.stdin.destroy();
  }
}

async function run(invocation: Invocation, client: Client, signal: AbortSignal): Promise<number> {
  const { json, timeoutMs, words, execute } = invocation;
  const options = { client, json, timeoutMs, signal };
  if (words.length > 0) return runCommands(options, { type: 'command', words });
  if (execute !== undefined) return runCommands(options, { type: 'text', text: execute });
  const interactive = isTerminal(process.stdin) && isTerminal(process.stdout);
  if (interactive) {
    const failed = await waitForCluster(options);
    if (failed !== undefined) return failed;
  }
  return runSession({ ...options, interactive });
}

/** Undefined when the prompt can be opened: there is a cluster, or one that is being formed. */
async function waitForCluster(options: {
  readonly client: Client;
  readonly json: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}): Promise<number | undefined> {
  const { client, signal } = options;
  const output = new Output(process.stdout, process.stderr, process.env);
  try {
    await withSpinner(output, 'connecting ...', client.ready({ signal }));
    return undefined;
  } catch (error) {
    const status = new Session({ ...options, output, values: new ValueSource() }).showError(error);
    return client.connected.length > 0 && !signal.aborted ? undefined : status;
  } finally {
    await output.release();
  }
}
