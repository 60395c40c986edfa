/**
 * The program `kvorum`: hands everything after the name of a program on to that program.
 */
import { readFileSync } from 'node:fs';

const programs: Readonly<Record<string, (argv: readonly string[]) => Promise<void>>> = {
  server: async (argv) => {
    // It reads its flags from where Node.js has them.
    process.argv = [process.argv0, 'kvorum server', ...argv];
    await import(import.meta.resolve('@kvorum/server/bin/server.js'));
  },
  client: async (argv) => {
    const { main } = await import('@kvorum/cli/main');
    process.exitCode = await main(argv);
  },
  local: async (argv) => {
    const { main } = await import('@kvorum/local/main');
    process.exitCode = await main(argv);
  },
};

const help = `Usage: kvorum COMMAND [ARGS...]

A partitioned, replicated, linearizable key-value store.

Commands:
  kvorum local    three servers on this machine and a prompt on them
  kvorum server   a server; without -s the first one of a cluster
  kvorum client   reads and writes keys, or opens a prompt
  kvorum help     this text; "kvorum help server" explains the server's flags

Flags:
  --version       show the version of this program
  --help          this text

A cluster of three on this machine, each in a terminal of its own:
  kvorum server -p 45678
  kvorum server -p 45679 -s 127.0.0.1:45678
  kvorum server -p 45680 -s 127.0.0.1:45678
  kvorum client put city Stockholm

In a checkout, and where it is not installed: npx kvorum COMMAND.
`;

export async function main([command, ...rest]: readonly string[]): Promise<void> {
  // A reader that goes away (`| head`) is no error.
  process.stdout.on('error', () => undefined);
  if (command === 'help' || command === '--help' || command === '-h') await showHelp(rest[0]);
  else if (command === '--version' || command === '-V') process.stdout.write(`${version()}\n`);
  else if (command !== undefined && Object.hasOwn(programs, command)) await programs[command]?.(rest);
  else await refuse(command);
}

async function showHelp(about: string | undefined): Promise<void> {
  if (about === undefined) process.stdout.write(help);
  else if (Object.hasOwn(programs, about)) await programs[about]?.(['--help']);
  else await refuse(about);
}

async function refuse(command: string | undefined): Promise<void> {
  process.exitCode = 1;
  process.stderr.write(command === undefined ? help : `kvorum: ${await explainUnknown(command)}\n`);
}

async function explainUnknown(command: string): Promise<string> {
  const { didYouMean, findCommand } = await import('@kvorum/cli');
  if (findCommand(command) !== undefined) {
    return `"${command}" is a command of the client: kvorum client ${command} ...`;
  }
  const meant = didYouMean(command, [...Object.keys(programs), 'help']);
  const hint = meant === undefined ? '"kvorum help" lists the commands' : `did you mean "kvorum ${meant}"?`;
  return `unknown command "${command}"; ${hint}`;
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
