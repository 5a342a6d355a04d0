/** Inviting and joining: how two servers come to know each other (SPEC L3, "servers are paired first"). */

import type { KeyedHash } from "@lockstep/engine";
import { keyedHash, sameMac } from "@lockstep/engine/io";
import { type Actor, type Address, Failure, type Invitation, type Name } from "@lockstep/model";
import type { z } from "zod";
import type { PeerRecord } from "../records.ts";
import { ControlClient } from "./control-client.ts";
import type { PairOffer } from "./control-messages.ts";
import {
  decodeCode,
  encodeCode,
  freshInvitationSecret,
  INVITATION_MS,
  offerMac,
  PairingKeys,
} from "./invitation.ts";

export interface SelfAddress {
  uuid: string;
  name: z.infer<typeof Name>;
  /** Null where the bound address can't be told to another machine. */
  host: string | null;
  mirrorPort: number;
  heartbeatPort: number;
}

export interface PairingOptions {
  self: SelfAddress;
  outageNumber(): number;
  /** Why no pairing is possible now, or null. */
  obstacle(): Failure | null;
  /** Both sides know each other: stable when it resolves. */
  paired(peer: PeerRecord, outageNumber: number, actor: Actor): Promise<void>;
}

interface OpenInvitation {
  secret: string;
  expiresAt: number;
}

export class Pairing {
  private readonly options: PairingOptions;
  private invitation: OpenInvitation | null = null;
  private joining = false;

  constructor(options: PairingOptions) {
    this.options = options;
  }

  invite(now: number): Invitation {
    this.checkFree();
    const { host, port } = this.reachable();
    const secret = freshInvitationSecret();
    this.invitation = { secret, expiresAt: now + INVITATION_MS };
    return {
      code: encodeCode({ host, port, secret }),
      expiresAt: new Date(now + INVITATION_MS).toISOString(),
    };
  }

  /** The keyed hash for one who dials to pair; null without an open invitation. */
  admit(now: number): KeyedHash | null {
    const { invitation } = this;
    if (invitation === null || invitation.expiresAt < now) return null;
    return keyedHash(Buffer.from(invitation.secret, "hex"), "pair");
  }

  /** The inviting side: the other server has proven that it holds the invitation. */
  async accept(joiner: PairOffer, now = Date.now()): Promise<PairOffer> {
    const { invitation } = this;
    this.checkFree();
    if (invitation === null) throw new Failure("refused", "the invitation was used already");
    // It may have been open when the other proved that it holds it.
    if (invitation.expiresAt < now) throw new Failure("refused", "the invitation has expired");
    this.checkOffer(invitation.secret, "joiner", joiner);
    const keys = new PairingKeys();
    const inviter = this.offer(invitation.secret, "inviter", keys);
    const secret = keys.agree(invitation.secret, inviter, joiner);
    this.invitation = null;
    const actor: Actor = { who: "system", from: joiner.name };
    await this.options.paired(peerOf(joiner, secret), agreedNumber(inviter, joiner), actor);
    return inviter;
  }

  /** The joining side. */
  async join(codeText: string, actor: Actor): Promise<void> {
    const code = decodeCode(codeText);
    this.checkFree();
    this.reachable();
    const { self } = this.options;
    const client = new ControlClient({
      host: code.host,
      port: code.port,
      purpose: "pair",
      self: self.uuid,
      peer: null,
      hash: keyedHash(Buffer.from(code.secret, "hex"), "pair"),
    });
    this.joining = true;
    try {
      await client.connect();
      const keys = new PairingKeys();
      const joiner = this.offer(code.secret, "joiner", keys);
      const inviter = await client.request("pair", joiner);
      this.checkOffer(code.secret, "inviter", inviter);
      const secret = keys.agree(code.secret, inviter, joiner);
      await this.options.paired(peerOf(inviter, secret), agreedNumber(inviter, joiner), actor);
    } finally {
      this.joining = false;
      client.close("paired");
    }
  }

  private offer(secret: string, side: "inviter" | "joiner", keys: PairingKeys): PairOffer {
    const { self } = this.options;
    const { host } = this.reachable();
    const offer = {
      uuid: self.uuid,
      name: self.name,
      host,
      mirrorPort: self.mirrorPort,
      heartbeatPort: self.heartbeatPort,
      publicKey: keys.publicKey,
      outageNumber: this.options.outageNumber(),
    };
    return { ...offer, mac: offerMac(secret, side, offer) };
  }

  private checkOffer(secret: string, side: "inviter" | "joiner", offer: PairOffer): void {
    if (!sameMac(offerMac(secret, side, offer), offer.mac)) {
      throw new Failure("refused", "the other server's offer is not what it signed");
    }
    const { self } = this.options;
    if (offer.uuid === self.uuid) throw new Failure("refused", "a server can't be its own peer");
    if (offer.name === self.name) {
      throw new Failure(
        "refused",
        `both servers are named "${self.name}"`,
        "give one another --name",
      );
    }
  }

  private checkFree(): void {
    const obstacle = this.options.obstacle();
    if (obstacle !== null) throw obstacle;
    if (this.joining) throw new Failure("refused", "this server is being paired already");
  }

  private reachable(): Address {
    const { host, mirrorPort } = this.options.self;
    if (host !== null) return { host, port: mirrorPort };
    throw new Failure(
      "refused",
      "the mirror address is bound to every interface, so the peer can't be told where to reach it",
      "start the server with --advertise HOST",
    );
  }
}

function peerOf(offer: PairOffer, secret: string): PeerRecord {
  const { uuid, name, host, mirrorPort, heartbeatPort } = offer;
  return { uuid, name, host, mirrorPort, heartbeatPort, secret };
}

function agreedNumber(a: PairOffer, b: PairOffer): number {
  return Math.max(a.outageNumber, b.outageNumber) + 1;
}
