/**
 * Pairing (SPEC L3): one server invites with a code that holds its address and a one-time secret; the other joins with it.
 * The pairing secret comes of a key exchange (X25519) that the one-time secret authenticates, so that a code read later
 * opens nothing.
 */
import {
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { keyedHash } from "@lockstep/engine/io";
import { Failure } from "@lockstep/model";
import { z } from "zod";
import type { PairOffer } from "./control-messages.ts";

export const INVITATION_MS = 15 * 60_000;

const Code = z.object({
  v: z.literal(1),
  host: z.string().min(1).max(255),
  port: z.number().int().min(1).max(65_535),
  secret: z.string().regex(/^[0-9a-f]{32}$/),
});
export type Code = z.infer<typeof Code>;

export function encodeCode(code: Omit<Code, "v">): string {
  return `lockstep-${Buffer.from(JSON.stringify({ v: 1, ...code })).toString("base64url")}`;
}

export function decodeCode(text: string): Code {
  try {
    const json = Buffer.from(text.trim().replace(/^lockstep-/, ""), "base64url").toString("utf8");
    return Code.parse(JSON.parse(json));
  } catch {
    throw new Failure(
      "usage",
      "this is no invitation code",
      "copy the whole code that `lockstep peer invite` printed",
    );
  }
}

export function freshInvitationSecret(): string {
  return randomBytes(16).toString("hex");
}

/** One side's part of the key exchange. */
export class PairingKeys {
  readonly publicKey: string;
  private readonly privateKey: KeyObject;

  constructor() {
    const pair = generateKeyPairSync("x25519");
    this.publicKey = pair.publicKey.export({ type: "spki", format: "der" }).toString("hex");
    this.privateKey = pair.privateKey;
  }

  /** The pairing secret, hexadecimal: the same on both sides. */
  agree(invitation: string, inviter: PairOffer, joiner: PairOffer): string {
    const other = this.publicKey === inviter.publicKey ? joiner : inviter;
    const shared = this.sharedWith(other.publicKey);
    const info = `${inviter.uuid} ${joiner.uuid} ${inviter.publicKey} ${joiner.publicKey}`;
    return Buffer.from(hkdfSync("sha256", shared, invitation, info, 32)).toString("hex");
  }

  private sharedWith(otherKey: string): Buffer {
    try {
      const key = Buffer.from(otherKey, "hex");
      const publicKey = createPublicKey({ key, type: "spki", format: "der" });
      return diffieHellman({ privateKey: this.privateKey, publicKey });
    } catch {
      throw new Failure("refused", "the other server's key can't be used");
    }
  }
}

/** The MAC that an offer carries. */
export function offerMac(
  invitation: string,
  side: "inviter" | "joiner",
  offer: Omit<PairOffer, "mac">,
): string {
  const { uuid, name, host, mirrorPort, heartbeatPort, publicKey, outageNumber } = offer;
  const covered = [side, uuid, name, host, mirrorPort, heartbeatPort, publicKey, outageNumber];
  return keyedHash(Buffer.from(invitation, "hex"), "pair-offer")(covered.join(" "));
}
