/**
 * CRC-32C (Castagnoli) for frames. Payloads go to the native routine; the 60 bytes of a header are summed here, because
 * a call out of JavaScript costs more than the sixty table look-ups.
 */
import { crc32c as nativeCrc32c } from "@node-rs/crc32";

const table = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  table[byte] = value;
}

/** CRC-32C of `length` bytes of `buffer` from `start`, unsigned. For short runs. */
export function crc32cShort(buffer: Uint8Array, start: number, length: number): number {
  let crc = -1;
  const end = start + length;
  for (let at = start; at < end; at++) {
    crc = (table[(crc ^ (buffer[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

/** CRC-32C of a whole buffer, unsigned. */
export function crc32c(buffer: Buffer): number {
  return nativeCrc32c(buffer) >>> 0;
}
