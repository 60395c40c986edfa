/**
 * The payloads of the binary frames in what was read from a websocket, or written to it, at once. Whatever else it is gives none.
 */
const BINARY = 0x82;
const MASKED = 0x80;

export function framesIn(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const [first = 0, second = 0] = bytes.subarray(at, at + 2);
    const short = second % MASKED;
    const extendedBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const maskAt = at + 2 + extendedBytes;
    if (first !== BINARY || maskAt > bytes.length) break;
    // Of eight bytes the upper two are zero.
    const length =
      extendedBytes === 0 ? short : bytes.readUIntBE(maskAt - Math.min(extendedBytes, 6), Math.min(extendedBytes, 6));
    const mask = second >= MASKED ? bytes.subarray(maskAt, maskAt + 4) : Buffer.alloc(0);
    const from = maskAt + mask.length;
    if (from + length > bytes.length) break;
    frames.push(unmasked(bytes.subarray(from, from + length), mask));
    at = from + length;
  }
  return frames;
}

function unmasked(payload: Buffer, mask: Buffer): Buffer {
  return mask.length === 0 ? payload : Buffer.from(payload.map((byte, place) => byte ^ (mask[place % 4] ?? 0)));
}
