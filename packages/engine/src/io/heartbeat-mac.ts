/**
 * The keys and the MAC of heartbeats (SPEC L3). Each direction has a key of its own, derived from the pairing secret and
 * both servers' UUIDs in the order sender, receiver: so the MAC covers both and the direction (RFC 5869, RFC 2104).
 */
import { createHmac, hkdfSync } from "node:crypto";
import type { Direction, Mac } from "../heartbeat/index.ts";
import { compareUuids, MAC_BYTES, uuidBytes } from "../heartbeat/index.ts";

const LABEL = "lockstep heartbeat 1";
const KEY_BYTES = 32;

export function heartbeatKey(secret: Uint8Array, sender: string, receiver: string): Uint8Array {
  const info = Buffer.concat([Buffer.from(LABEL), uuidBytes(sender), uuidBytes(receiver)]);
  return new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(0), info, KEY_BYTES));
}

export function heartbeatMac(key: Uint8Array): Mac {
  return (bytes, into) => {
    into.set(createHmac("sha256", key).update(bytes).digest().subarray(0, MAC_BYTES));
  };
}

export function directionOf(sender: string, receiver: string): Direction {
  return compareUuids(uuidBytes(sender), uuidBytes(receiver)) < 0 ? 0 : 1;
}
