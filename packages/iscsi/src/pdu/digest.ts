/**
 * Header and data digests: CRC32C of a PDU's header with its additional segments, or of its data with padding
 * (RFC 7143 section 11.2.3). On the wire the sum's bytes stand least significant first.
 */
import { crc32c } from "@node-rs/crc32";

export const DIGEST_BYTES = 4;

export function digestOf(bytes: Buffer): number {
  return crc32c(bytes) >>> 0;
}

/** The digest of `bytes` followed by `tail`: data that lies apart from its padding. */
export function digestOfTwo(bytes: Buffer, tail: Buffer): number {
  return crc32c(tail, crc32c(bytes)) >>> 0;
}
