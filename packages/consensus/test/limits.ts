/** The limits of production, for replicas in tests; smaller ones make parts and full windows happen with small logs. */
import { defaultLimits, defaultTimings } from '@kvorum/common';
import type { LogLimits } from '../src/index.ts';

export const productionLimits: LogLimits = { ...defaultLimits, ...defaultTimings };
