/**
 * CRC-32 (IEEE 802.3, reflected, polynomial 0xEDB88320) over stored records: detects torn and flipped bytes, proves
 * nothing about intent. Here rather than from node:zlib because the simulated disk and the real one share the record
 * format of server/core, which knows no node:*.
 */

const table = new Uint32Array(256).map((_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The checksum of `bytes`, an unsigned 32-bit integer. crc32 of "123456789" is 0xCBF43926. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i += 1) {
    crc = (table[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
