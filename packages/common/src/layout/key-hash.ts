/**
 * The published hash that maps a key to its partition, and a node's ring points to places on the ring:
 * MurmurHash3_x86_32 (Austin Appleby, public domain). Part of the wire contract: clients and servers must agree on it,
 * so it never changes within a protocol version.
 */

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

/** The 32-bit hash of `bytes`, an unsigned integer. */
export function murmur3(bytes: Uint8Array, seed = 0): number {
  let hash = seed | 0;
  const blocksEnd = bytes.length & ~3;
  for (let i = 0; i < blocksEnd; i += 4) {
    const block =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    hash ^= scramble(block);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = bytes.length - 1; i >= blocksEnd; i -= 1) tail = (tail << 8) | (bytes[i] as number);
  if (bytes.length > blocksEnd) hash ^= scramble(tail);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(block: number): number {
  const product = Math.imul(block, C1);
  return Math.imul((product << 15) | (product >>> 17), C2);
}
