/**
 * The format of a data directory, in a file of its own that people can read. Looked at before anything else is opened, so that
 * what another version wrote is never taken for something else.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';
import { CorruptRecord, UnknownFormat } from '../../core/index.ts';

/** Grows when a program of the version before could not read what this one writes. */
export const DATA_FORMAT = 1;

const NAME = 'FORMAT';
const LENGTH_MAX = 20;

/** Throws {@link UnknownFormat} unless the directory is new or has the format of this version; notes the format in a new one. */
export function checkDataFormat(directory: string): void {
  const file = path.join(directory, NAME);
  if (existsSync(file)) {
    const text = readFileSync(file, 'utf8').trim();
    if (text.length > LENGTH_MAX || !/^\d+$/.test(text)) throw new CorruptRecord(`${file} is damaged: it is no number`);
    if (Number(text) !== DATA_FORMAT) throw new UnknownFormat(`the data directory ${directory}`, text, DATA_FORMAT);
    return;
  }
  // Versions before there was such a file.
  if (existsSync(path.join(directory, 'log'))) {
    throw new UnknownFormat(`the data directory ${directory}`, 0, DATA_FORMAT);
  }
  const fresh = `${file}.new`;
  const descriptor = openSync(fresh, 'w', 0o600);
  writeSync(descriptor, `${DATA_FORMAT}\n`);
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(fresh, file);
  syncDirectory(directory);
}

/** So that the file is there after a power failure if what is written after it is. */
function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
