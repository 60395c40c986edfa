/**
 * The coverage marks of the client.
 */
import { declareMarks } from '@kvorum/common';

export const mark = declareMarks('client', ['session-lost-with-unknown-outcome', 'silent-connection']);
