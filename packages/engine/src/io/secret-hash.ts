/** Keyed hashes under the pairing secret: HMAC-SHA-256, one derived key for each use, compared in constant time. */
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import type { KeyedHash } from "../wire/handshake.ts";

/** A keyed hash for one use of the secret ("connection", "pair"). */
export function keyedHash(secret: Uint8Array, use: string): KeyedHash {
  const key = Buffer.from(hkdfSync("sha256", secret, "lockstep", use, 32));
  return (text) => createHmac("sha256", key).update(text).digest("hex");
}

export function sameMac(a: string, b: string): boolean {
  // As text: reading digits would stop at the first that is none, and take what follows for nothing.
  const left = Buffer.from(a, "utf8");
  const right = Buffer.from(b, "utf8");
  return left.length > 0 && left.length === right.length && timingSafeEqual(left, right);
}

export function freshNonce(): string {
  return randomBytes(16).toString("hex");
}
