/** Keyed hashes under the pairing secret: HMAC-SHA-256, one derived key for each use, compared in constant time. */
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import type { KeyedHash } from "../wire/handshake.ts";

/** A keyed hash for one use of the secret ("connection", "pair"). */
export function keyedHash(secret: Uint8Array, use: string): KeyedHash {
  const key = Buffer.from(hkdfSync("sha256", secret, "lockstep", use, 32));
  return (text) => createHmac("sha256", key).update(text).digest("hex");
}

export function sameMac(a: string, b: string): boolean {
  const left = Buffer.from(a, "hex");
  const right = Buffer.from(b, "hex");
  return left.length === right.length && timingSafeEqual(left, right);
}

export function freshNonce(): string {
  return randomBytes(16).toString("hex");
}
