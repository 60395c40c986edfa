/**
 * The commands: how each is written, what it is for. Parsing, help and completion all read this table.
 */

export type CommandName =
  | 'get'
  | 'put'
  | 'cas'
  | 'delete'
  | 'add'
  | 'where'
  | 'status'
  | 'nodes'
  | 'groups'
  | 'node'
  | 'group'
  | 'timing'
  | 'history'
  | 'help'
  | 'exit';

/** What stands at a place of a command, for completion. */
export type ArgumentKind = 'key' | 'value' | 'node' | 'group' | 'switch' | 'command' | 'text';

export interface ArgumentSpec {
  readonly name: string;
  readonly kind: ArgumentKind;
  readonly optional?: boolean;
}

export interface FlagSpec {
  readonly name: string;
  /** The name of its value; undefined for a flag without one. */
  readonly value?: string;
  readonly summary: string;
}

export interface CommandSpec {
  readonly name: CommandName;
  readonly aliases: readonly string[];
  readonly section: string;
  readonly summary: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly flags: readonly FlagSpec[];
  readonly example: string;
  readonly details: readonly string[];
}

const key: ArgumentSpec = { name: 'KEY', kind: 'key' };
const text = (name: string): ArgumentSpec => ({ name, kind: 'value' });

export const DATA = 'Keys and values';
export const CLUSTER = 'The cluster';
export const SESSION = 'This session';

const valueNotes = [
  'A value is taken as it is written; \\xHH is a byte. @FILE takes the content of a file, "-" what comes on standard',
  'input (only for a command given as arguments). After "--" every word is taken as it stands. Quotes keep spaces, JSON is',
  'taken as it stands, and what is open at the end of a line goes on in the next one: so a value gets several lines.',
];

export const commandTable: readonly CommandSpec[] = [
  {
    name: 'get',
    aliases: ['read'],
    section: DATA,
    summary: 'print the value of a key',
    arguments: [key],
    flags: [
      { name: '--raw', summary: 'the exact bytes and nothing else, no line end either (at the prompt its own line)' },
    ],
    example: 'get city',
    details: ['Bytes that do not print are shown as \\xHH. Exit status 3 when there is no such key.'],
  },
  {
    name: 'put',
    aliases: ['write'],
    section: DATA,
    summary: 'write a value, whatever the key had before',
    arguments: [key, text('VALUE')],
    flags: [],
    example: 'put city Stockholm',
    details: valueNotes,
  },
  {
    name: 'cas',
    aliases: [],
    section: DATA,
    summary: 'write a value if the key has an expected one (compare and set)',
    arguments: [key, text('EXPECTED'), text('NEXT')],
    flags: [
      { name: '--absent', summary: 'expect that there is no such key; leave EXPECTED out' },
      { name: '--version', value: 'N', summary: 'expect this version of the key; leave EXPECTED out' },
    ],
    example: 'cas city Stockholm Göteborg',
    details: [
      'cas KEY --absent NEXT and cas KEY --version N NEXT are the other two forms. When the key has something else,',
      'nothing is written, what it has is shown, and the exit status is 3.',
      ...valueNotes,
    ],
  },
  {
    name: 'delete',
    aliases: ['del'],
    section: DATA,
    summary: 'remove a key',
    arguments: [key],
    flags: [],
    example: 'delete city',
    details: ['Exit status 3 when there was no such key.'],
  },
  {
    name: 'add',
    aliases: ['incr'],
    section: DATA,
    summary: 'add to a counter and print what it is then',
    arguments: [key, { name: 'DELTA', kind: 'text', optional: true }],
    flags: [],
    example: 'add visits 1',
    details: [
      'A counter is a value that is a decimal number of 64 bits, signed; an absent key counts as 0, and DELTA is 1 unless it',
      'is given. Exit status 3, and nothing changed, when the value is no number or the sum does not fit.',
    ],
  },
  {
    name: 'where',
    aliases: [],
    section: CLUSTER,
    summary: 'the group and the nodes that hold a key',
    arguments: [key],
    flags: [],
    example: 'where city',
    details: [],
  },
  {
    name: 'status',
    aliases: [],
    section: CLUSTER,
    summary: 'how the cluster is, in short',
    arguments: [],
    flags: [],
    example: 'status',
    details: [],
  },
  {
    name: 'nodes',
    aliases: [],
    section: CLUSTER,
    summary: 'all nodes: where they are, whether they answer, what they hold',
    arguments: [],
    flags: [],
    example: 'nodes',
    details: ['"suspected by" names the nodes that hear nothing from it.'],
  },
  {
    name: 'groups',
    aliases: [],
    section: CLUSTER,
    summary: 'all groups: their keys, members, leader and log',
    arguments: [],
    flags: [],
    example: 'groups',
    details: [
      'KEYS is the range of the keys’ hashes. A "!" marks members that do not answer. DECIDED and APPLIED are log',
      'positions, the leader’s where it answers.',
    ],
  },
  {
    name: 'node',
    aliases: [],
    section: CLUSTER,
    summary: 'everything one node says about itself',
    arguments: [{ name: 'NODE', kind: 'node' }],
    flags: [],
    example: 'node n1',
    details: [],
  },
  {
    name: 'group',
    aliases: [],
    section: CLUSTER,
    summary: 'one group as each of its members sees it',
    arguments: [{ name: 'GROUP', kind: 'group' }],
    flags: [],
    example: 'group 3',
    details: [],
  },
  {
    name: 'timing',
    aliases: [],
    section: SESSION,
    summary: 'show how long commands take and who served them',
    arguments: [{ name: 'on|off', kind: 'switch' }],
    flags: [],
    example: 'timing on',
    details: [],
  },
  {
    name: 'history',
    aliases: [],
    section: SESSION,
    summary: 'commands of this and earlier sessions',
    arguments: [{ name: 'TEXT', kind: 'text', optional: true }],
    flags: [],
    example: 'history city',
    details: ['With TEXT only those that contain it. Ctrl-R searches as you type.'],
  },
  {
    name: 'help',
    aliases: [],
    section: SESSION,
    summary: 'all commands, or everything about one',
    arguments: [{ name: 'COMMAND', kind: 'command', optional: true }],
    flags: [],
    example: 'help cas',
    details: [],
  },
  {
    name: 'exit',
    aliases: ['quit'],
    section: SESSION,
    summary: 'leave (Ctrl-D does too)',
    arguments: [],
    flags: [],
    example: 'exit',
    details: [],
  },
];

/** Understood by every command. */
export const commonFlags: readonly FlagSpec[] = [
  { name: '--json', summary: 'this result as one JSON object' },
  { name: '--timeout', value: 'MS', summary: 'how long this command may take' },
  { name: '--help', summary: 'what this command does' },
];

export function findCommand(name: string): CommandSpec | undefined {
  return commandTable.find((spec) => spec.name === name || spec.aliases.includes(name));
}

export function usageOf(spec: CommandSpec): string {
  const words = spec.arguments.map((argument) => (argument.optional ? `[${argument.name}]` : argument.name));
  return [spec.name, ...words].join(' ');
}
