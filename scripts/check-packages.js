/**
 * Proves that the packages work where they are installed: packs each, looks into the tarballs, installs them into empty
 * projects, and uses them there: types under every module resolution, `import` and `require`, the examples of their READMEs
 * and the program, against a real server. Downloads nothing but what npm installs anyway.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const work = mkdtempSync(path.join(tmpdir(), 'kvorum-packages-'));
const read = (...names) => readFileSync(path.join(...names), 'utf8');
const readJson = (...names) => JSON.parse(read(...names));
const say = (line) => process.stdout.write(`${line}\n`);

const packages = readdirSync(path.join(root, 'packages'))
  .map((folder) => ({
    folder: path.join(root, 'packages', folder),
    ...readJson(root, 'packages', folder, 'package.json'),
  }))
  .filter((manifest) => manifest.private !== true);
const libraries = packages.filter((manifest) => manifest.exports['.'] !== undefined);

/** What a program that reads and writes keys needs; nothing that draws on a terminal is among it. */
const CLIENT_TREE = ['@kvorum/client', '@kvorum/common', 'consistent-hash', 'ws'];

try {
  const tarballs = new Map();
  for (const manifest of packages) tarballs.set(manifest.name, await pack(manifest));
  await checkClientTree(tarballs);
  const project = await installAll(tarballs);
  const server = await startServer(project);
  try {
    await checkProgram(project, server.address);
    await checkTypesAndUse(project, server.address);
  } finally {
    await server.stop();
  }
  say('all packages work where they are installed');
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Packs it as it would be published, and looks into the tarball. */
async function pack(manifest) {
  const { stdout } = await npm(manifest.folder, 'pack', '--json', '--pack-destination', work);
  // What the lifecycle scripts print comes first.
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n')));
  const files = packed.files.map((file) => file.path);
  for (const needed of ['package.json', 'README.md', 'LICENSE'])
    assert(files.includes(needed), `no ${needed} in ${manifest.name}`);
  for (const file of files) {
    assert(!/tsbuildinfo|tsconfig|\/test\//.test(file), `${manifest.name} has no use for ${file}`);
    const source = file.replace(/^dist\/(?:cjs\/)?/, 'src/').replace(/(?:\.d)?\.[jt]s(?:\.map)?$/, '.ts');
    const generated = file.startsWith('dist/') && !file.endsWith('package.json');
    if (generated)
      assert(files.includes(source), `${manifest.name}: ${file} comes from no source; npm run clean, then build`);
  }
  for (const target of targetsOf([manifest.exports, manifest.bin, manifest.types])) {
    assert(files.includes(target.replace('./', '')), `${manifest.name} names ${target}, which is not in its tarball`);
  }
  // What begins otherwise is left out when it is published.
  for (const bin of Object.values(manifest.bin ?? {})) assert.match(bin, /^bin\//);
  assert.equal(read(manifest.folder, 'LICENSE'), read(root, 'LICENSE'));
  assert.equal(manifest.publishConfig?.access, 'public', manifest.name);
  say(`${packed.filename}: ${files.length} files, ${Math.ceil(packed.size / 1024)} KiB`);
  return path.join(work, packed.filename);
}

function targetsOf(value) {
  if (typeof value === 'string') return [value];
  return Object.values(value ?? {}).flatMap(targetsOf);
}

async function checkClientTree(tarballs) {
  const project = newProject('client-only');
  await npm(project, 'install', tarballs.get('@kvorum/client'), tarballs.get('@kvorum/common'));
  const { stdout } = await npm(project, 'ls', '--all', '--parseable', '--omit=peer');
  const names = stdout
    .trim()
    .split('\n')
    .slice(1)
    .map((folder) => folder.split('node_modules/').at(-1));
  assert.deepEqual([...new Set(names)].sort(), CLIENT_TREE);
  say(`the client library installs ${CLIENT_TREE.join(', ')}`);
}

async function installAll(tarballs) {
  const project = newProject('project');
  const { version } = readJson(root, 'node_modules/@types/node/package.json');
  await npm(project, 'install', '--ignore-scripts', ...tarballs.values(), `@types/node@${version}`);
  return project;
}

function newProject(name) {
  const folder = path.join(work, name);
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }));
  return folder;
}

async function startServer(project) {
  const args = ['server', '-p', '0', '--cluster-size', '1', '--data-dir', path.join(work, 'data')];
  const child = spawn(kvorumOf(project), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const address = await new Promise((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      const listening = /listens on ([^\s,"]+)/.exec(line)?.[1];
      if (listening !== undefined) resolve(listening);
    });
    void ended.then((status) => reject(new Error(`the server ended with status ${status}`)));
  });
  const stop = async () => {
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
  };
  return { address, stop };
}

function kvorumOf(project) {
  return path.join(project, 'node_modules', '.bin', 'kvorum');
}

async function checkProgram(project, address) {
  const kvorum = async (...args) => (await run(kvorumOf(project), args, { cwd: project })).stdout;
  assert.equal((await kvorum('--version')).trim(), readJson(root, 'packages/kvorum/package.json').version);
  assert.match(await kvorum('client', '-s', address, 'put', 'a', '{"b": 1}'), /^OK version \d+\n$/);
  assert.equal(await kvorum('client', '-s', address, 'get', 'a'), '{"b": 1}\n');
  const script = "printf 'put a 1\\nget a\\n' | ./node_modules/.bin/kvorum local -p 0";
  assert.match((await run('sh', ['-c', script], { cwd: project })).stdout, /^OK version \d+\n1\n$/);
  say('the program starts a server and a local cluster, reads and writes');
}

async function checkTypesAndUse(project, address) {
  writeSources(project, address);
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  for (const [module, moduleResolution] of [
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const out = `out-${moduleResolution}`;
    const compilerOptions = {
      ...{ module, moduleResolution, target: 'es2022', lib: ['es2023', 'esnext.disposable'], types: ['node'] },
      ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, outDir: out, rootDir: 'src' },
    };
    // A bundler makes one module system of everything; .cts files are for Node.js.
    const include = moduleResolution === 'bundler' ? ['src/**/*.ts'] : ['src/**/*.ts', 'src/**/*.cts'];
    writeFileSync(path.join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }));
    await run(process.execPath, [tsc, '--project', project]).catch((error) => {
      throw new Error(`it does not compile with ${moduleResolution}:\n${error.stdout}`);
    });
    const programs = readdirSync(path.join(project, out)).filter((file) => /\.c?js$/.test(file));
    for (const file of programs) await run(process.execPath, [path.join(project, out, file)], { cwd: project });
    say(`${moduleResolution}: compiles, ${programs.length} programs run`);
  }
  const plain =
    'const { connect, KvorumError } = require("@kvorum/client"); if (!connect || !KvorumError) process.exit(1)';
  await run(process.execPath, ['--input-type=commonjs', '-e', plain], { cwd: project });
}

/** The examples of the READMEs, and every entry point imported and required. */
function writeSources(project, address) {
  const source = path.join(project, 'src');
  mkdirSync(source);
  for (const { name, folder } of packages) {
    const examples = [...read(folder, 'README.md').matchAll(/^```ts\n(.*?)^```$/gms)];
    for (const [index, [, example]] of examples.entries()) {
      const file = `${name.replace(/\W+/g, '-')}-${index}.ts`;
      writeFileSync(path.join(source, file), example.replaceAll('127.0.0.1:45678', address));
    }
  }
  const entries = libraries.flatMap(({ name, exports }) =>
    Object.keys(exports)
      .filter((entry) => !entry.endsWith('.js'))
      .map((entry) => path.posix.join(name, entry)),
  );
  const namespaces = entries.map((entry, index) => ({ entry, name: `entry${index}` }));
  const uses = `for (const entry of [${namespaces.map(({ name }) => name).join(', ')}]) if (Object.keys(entry).length === 0) process.exit(1);\n`;
  const imports = namespaces.map(({ entry, name }) => `import * as ${name} from '${entry}';\n`).join('');
  writeFileSync(path.join(source, 'entries.ts'), imports + uses);
  const requires = namespaces.map(({ entry, name }) => `import ${name} = require('${entry}');\n`).join('');
  writeFileSync(path.join(source, 'entries.cts'), requires + uses);
  writeFileSync(path.join(source, 'required.cts'), requiredUse(address));
}

/** A CommonJS module: no `await` at the top, types and values by `import`, which becomes `require`. */
function requiredUse(address) {
  return `
import { connect, KvorumError } from '@kvorum/client';
import type { Client, GetResult } from '@kvorum/client';

async function use(client: Client): Promise<void> {
  await client.put('required', 'yes');
  const found: GetResult | undefined = await client.get('required');
  if (found?.text !== 'yes') throw new Error('another value: ' + found?.text);
  await client.get('').catch((error: unknown) => {
    if (!(error instanceof KvorumError) || error.code !== 'bad-request') throw error;
  });
  await client.close();
}

void connect({ servers: '${address}' }).then(use);
`;
}

function npm(cwd, ...args) {
  return run('npm', [...args, '--no-audit', '--no-fund', '--prefer-offline'], { cwd, maxBuffer: 2 ** 26 });
}
