/**
 * The Random port on the operating system's source.
 */
import { randomBytes } from 'node:crypto';
import type { Random } from '@kvorum/common';

export const systemRandom: Random = { nextUint32: () => randomBytes(4).readUInt32BE() };
