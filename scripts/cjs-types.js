/**
 * Gives a package, before it is packed, its declarations a second time as those of a CommonJS module: below dist/cjs, where
 * a package.json says so. There is one implementation, which `require` loads as it stands; TypeScript's "node16" wants to be
 * told that it may.
 */
import { cpSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const dist = path.resolve('dist');
const cjs = path.join(dist, 'cjs');

rmSync(cjs, { recursive: true, force: true });
for (const name of readdirSync(dist)) {
  cpSync(path.join(dist, name), path.join(cjs, name), {
    recursive: true,
    filter: (file) => file.endsWith('.d.ts') || statSync(file).isDirectory(),
  });
}
writeFileSync(path.join(cjs, 'package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`);
