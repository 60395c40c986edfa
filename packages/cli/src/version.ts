/**
 * The version of this package, as its package.json has it: beside dist/ when it is built, beside src/ in a checkout.
 */
import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

export const { version } = manifest;
