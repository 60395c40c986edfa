/**
 * Plants a bug in a server that is about to start: text of one of its compiled modules is replaced while that is loaded. No file
 * changes.
 */
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface PlantedBug {
  readonly wrong: string;
  /** The compiled module, from `packages` on. */
  readonly module: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

const PACKAGES = fileURLToPath(new URL('../../../../', import.meta.url));

/** What Node.js is started with, so that the bug is in what it loads. */
export function planted({ module, find, replace }: PlantedBug): readonly string[] {
  const url = pathToFileURL(`${PACKAGES}${module}`).href;
  const load = `
    export async function load(url, context, next) {
      const loaded = await next(url, context);
      if (url !== ${JSON.stringify(url)}) return loaded;
      const parts = String(loaded.source).split(${JSON.stringify(find)});
      if (parts.length !== 2) throw new Error('the text stands there ' + (parts.length - 1) + ' times');
      return { ...loaded, source: parts.join(${JSON.stringify(replace)}) };
    }`;
  const register = `import { register } from 'node:module'; register(${JSON.stringify(asModule(load))});`;
  return ['--import', asModule(register)];
}

function asModule(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
