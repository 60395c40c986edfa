/**
 * A look at an LMDB data file before LMDB maps it: a file that is shorter than its own meta page says, or is no LMDB file,
 * would end the process with a signal instead of an error.
 *
 * Layout as lmdb-js 3 writes it: two meta pages at the start; in each, after a header of 24 bytes, magic and version (4 bytes
 * each), address and map size (8 each), two database records of 48 bytes whose first field is the page size, the last page in
 * use (8) and the transaction (8).
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { CorruptRecord } from '../../core/index.ts';

const MAGIC = 0xbeefc0de;
const MAGIC_AT = 24;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;
const META_BYTES = 160;

/** Throws {@link CorruptRecord} unless the file is absent or a whole LMDB data file. */
export function checkDatabaseFile(file: string): void {
  if (!existsSync(file)) return;
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const first = readMeta(descriptor, 0);
    const second = readMeta(descriptor, first.pageSize);
    const { pageSize, lastPage } = first.transaction >= second.transaction ? first : second;
    const needed = BigInt(pageSize) * (lastPage + 1n);
    if (BigInt(size) < needed) throw new CorruptRecord(`${file} is damaged: it has ${size} bytes instead of ${needed}`);
  } finally {
    closeSync(descriptor);
  }

  function readMeta(from: number, at: number): { pageSize: number; lastPage: bigint; transaction: bigint } {
    const meta = Buffer.alloc(META_BYTES);
    const read = readSync(from, meta, 0, META_BYTES, at);
    if (read < META_BYTES || meta.readUInt32LE(MAGIC_AT) !== MAGIC) {
      throw new CorruptRecord(`${file} is damaged: it is no database file`);
    }
    return {
      pageSize: meta.readUInt32LE(PAGE_SIZE_AT),
      lastPage: meta.readBigUInt64LE(LAST_PAGE_AT),
      transaction: meta.readBigUInt64LE(TRANSACTION_AT),
    };
  }
}
