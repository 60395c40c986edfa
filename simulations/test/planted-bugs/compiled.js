/**
 * The compiled code: what planted bugs change, and what runs.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export const root = new URL('../../../', import.meta.url);

/** Where bugs are planted. */
const CORES = [
  'packages/common/dist/',
  'packages/consensus/dist/',
  'packages/server/dist/core/',
  'packages/client/dist/core/',
  // Those of the lab itself.
  'simulations/dist/faults/',
  'simulations/dist/workload/',
  'simulations/dist/world/',
];

export function coreModules() {
  return CORES.flatMap(modulesIn);
}

/** Of everything that a search runs: what one found is good for as long as this is the same. */
export function codeFingerprint() {
  const hash = createHash('sha256');
  for (const file of [...coreModules(), ...modulesIn('simulations/dist/')])
    hash.update(readFileSync(new URL(file, root)));
  return hash.digest('hex').slice(0, 16);
}

/** Without the output of sources that were moved or deleted, which the compiler leaves where it was. */
function modulesIn(folder) {
  return readdirSync(new URL(folder, root), { recursive: true })
    .filter((name) => name.endsWith('.js'))
    .map((name) => `${folder}${name}`)
    .filter((file) => existsSync(new URL(file.replace('/dist/', '/src/').replace(/\.js$/, '.ts'), root)))
    .sort();
}
