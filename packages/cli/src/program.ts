/**
 * The flags of `kvorum client`, and its help.
 */
import { Command, InvalidArgumentError } from 'commander';
import { parseAddress } from '@kvorum/common';
import { DEFAULT_SERVER, DEFAULT_TIMEOUT_MS } from '@kvorum/client';
import { version } from './version.ts';

export interface Invocation {
  readonly servers: readonly string[];
  readonly localPort: number | undefined;
  readonly json: boolean;
  readonly timeoutMs: number;
  /** The commands of -e. */
  readonly execute: string | undefined;
  /** A command given as arguments; empty: none. */
  readonly words: readonly string[];
}

interface Flags {
  readonly server?: string[];
  readonly localPort?: number;
  readonly json?: boolean;
  readonly timeout: number;
  readonly execute?: string[];
}

const moreHelp = `
Commands: "kvorum client help" lists them, "kvorum client help COMMAND" explains one. Without a COMMAND: a prompt on a
terminal, else a script from standard input, a line at a time (# begins a comment line).

Values: taken as they are written; \\xHH is a byte, @FILE the content of a file, "-" what comes on standard input.
After "--" every word is taken as it stands. At the prompt, in scripts and with -e, ";" separates commands, quotes keep
spaces (put city "New York"), JSON is taken as it stands (put city {"name": "New York"}), and a quote or JSON that is open
at the end of a line goes on in the next one.

Output: data goes to standard output, everything else to standard error. Bytes that do not print are shown as \\xHH;
"get KEY --raw" gives them as they are. With --json there is one JSON object per result on standard output, for example
  {"command":"get","key":"city","found":true,"value":"Stockholm","version":3}
  {"command":"cas","key":"city","applied":false,"value":"Oslo","version":4}
  {"error":{"code":"unavailable","message":"...","outcome":"not-applied"}}
A value that is not UTF-8 is base64 and marked "encoding":"base64" (a key: "keyEncoding"). The codes of errors are those
of the TypeScript client, and "usage"; the outcome "unknown" means that a write may still take effect.

Exit status: 0 done; 1 usage; 2 no server or no majority answers; 3 not found, cas found another value, or add
could not add; 4 the outcome of a write is unknown. A script goes on after a line that failed, and exits with the status of the first one that did. Of a
line with several commands none is run if one is not understood.

Environment: KVORUM_HISTFILE names the file of the prompt's history (default ~/.kvorum_history, empty for none); NO_COLOR
turns colours off.

Examples (in a checkout: npx kvorum client ...):
  kvorum client put city Stockholm
  kvorum client -s 10.0.0.1:45678,10.0.0.2:45678 get city
  kvorum client -e "put a 1; cas a 1 2; get a"
  kvorum client --json get city < /dev/null
  kvorum client put logo @logo.png && kvorum client get logo --raw > copy.png
  printf 'put a 1\\nget a\\n' | kvorum client
`;

/** Throws a CommanderError that carries the exit status, after its message has been written. */
export function parseInvocation(argv: readonly string[]): Invocation {
  const program = new Command('kvorum client')
    .usage('[FLAGS] [COMMAND ARGS...]')
    .description('Reads and writes the keys of a Kvorum cluster.')
    .argument('[COMMAND...]', 'one command to run, with its arguments; flags go before it')
    .option(
      '-s, --server <HOST:PORT>',
      help(
        'a node to start from; any node of the cluster will do. May be given several times or with commas',
        DEFAULT_SERVER,
        '-s 10.0.0.1:45678',
      ),
      collectServers,
    )
    .option(
      '-p, --local-port <PORT>',
      help('the port of this machine that connections leave from', 'any', '-p 50000'),
      parsePort,
    )
    .option('--json', help('results and errors as JSON objects, one per line', 'off', 'kvorum client --json get city'))
    .option(
      '--timeout <MS>',
      help(
        'how long connecting and each command may take, in milliseconds',
        String(DEFAULT_TIMEOUT_MS),
        '--timeout 1000',
      ),
      parseTimeout,
      DEFAULT_TIMEOUT_MS,
    )
    .option(
      '-e, --execute <COMMANDS>',
      help('run these commands, separated by ";"', 'none', '-e "put a 1; get a"'),
      collect,
    )
    .version(version, '--version', 'show the version of this program')
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', moreHelp)
    .showHelpAfterError('"kvorum client --help" explains every flag')
    .configureHelp({ helpWidth: 120, optionDescription: (option) => option.description })
    .passThroughOptions()
    .exitOverride();
  program.parse(argv, { from: 'user' });
  const flags = program.opts<Flags>();
  const execute = flags.execute?.join('\n');
  if (execute !== undefined && program.args.length > 0) {
    program.error('give either -e or a command, not both');
  }
  return {
    servers: flags.server ?? [DEFAULT_SERVER],
    localPort: flags.localPort,
    json: flags.json ?? false,
    timeoutMs: flags.timeout,
    execute,
    words: program.args,
  };
}

function help(what: string, standard: string, example: string): string {
  return `${what} (default: ${standard}; example: ${example})`;
}

function collectServers(text: string, before: string[] = []): string[] {
  const servers = text.split(',').map((part) => part.trim());
  for (const server of servers) {
    if (parseAddress(server) === undefined) {
      throw new InvalidArgumentError(`"${server}" is not HOST:PORT with a port from 1 to 65535.`);
    }
  }
  return [...before, ...servers];
}

function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}

function parsePort(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  throw new InvalidArgumentError('A port is a number from 1 to 65535.');
}

function parseTimeout(text: string): number {
  const timeoutMs = /^\d+$/.test(text) ? Number(text) : 0;
  if (timeoutMs >= 1 && Number.isSafeInteger(timeoutMs)) return timeoutMs;
  throw new InvalidArgumentError('A timeout is a whole number of milliseconds from 1.');
}
