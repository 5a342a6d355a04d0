/**
 * How the two ends of a TCP connection prove to each other that they know the secret (SPEC L3), before anything else is
 * said: fresh nonces from both, proofs that cover both servers, the direction and what the connection is for. Pure: the
 * keyed hash and the nonces are given.
 *
 * ```
 *   dialler                       listener
 *      │ ◀──── challenge {nonce} ────│
 *      │ ───── proof {nonce, …} ────▶│  checks
 *      │ ◀──── welcome {mac} ────────│
 *    checks
 * ```
 */
import { z } from "zod";

const Nonce = z.string().regex(/^[0-9a-f]{32}$/);
const MacText = z.string().regex(/^[0-9a-f]{64}$/);

export const Challenge = z.object({ nonce: Nonce });
export type Challenge = z.infer<typeof Challenge>;

/** What a connection is for; part of what is proven. */
export const Purpose = z.enum(["control", "pair", "stream"]);
export type Purpose = z.infer<typeof Purpose>;

export const Proof = z.object({
  nonce: Nonce,
  purpose: Purpose,
  /** The dialler's server. */
  from: z.uuid(),
  /** Of a stream connection: the set of connections it belongs to, and its element. Else 0. */
  epoch: z.number().int().nonnegative(),
  index: z.number().int().nonnegative(),
  mac: MacText,
});
export type Proof = z.infer<typeof Proof>;

export const Welcome = z.object({ mac: MacText });
export type Welcome = z.infer<typeof Welcome>;

/** Payloads before the proof are no longer than this, bytes. */
export const HANDSHAKE_PAYLOAD_BYTES = 1024;
/** The whole handshake takes no longer than this. */
export const HANDSHAKE_TIMEOUT_MS = 5000;

/** HMAC-SHA-256 under the secret, in hexadecimal digits. */
export type KeyedHash = (text: string) => string;

/** What both proofs cover. `listener` is null while pairing: the dialler does not know it yet. */
export interface ProofSubject {
  listenerNonce: string;
  proof: Omit<Proof, "mac">;
  listener: string | null;
}

export function diallerMac(hash: KeyedHash, subject: ProofSubject): string {
  return hash(`lockstep dialler ${covered(subject)}`);
}

export function listenerMac(hash: KeyedHash, subject: ProofSubject): string {
  return hash(`lockstep listener ${covered(subject)}`);
}

function covered({ listenerNonce, proof, listener }: ProofSubject): string {
  const { nonce, purpose, from, epoch, index } = proof;
  return [listenerNonce, nonce, purpose, from, listener ?? "-", epoch, index].join(" ");
}
