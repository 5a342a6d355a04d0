/**
 * A TCP connection between the servers, from its first byte: the handshake, then frames (SPEC L3, L4). Either end is one
 * of these. Until the other side has proven itself nothing but short handshake frames is read, for a bounded time; what
 * is wrong closes the socket with a reason, and reaches nobody.
 */
import type { Socket } from "node:net";
import { encodeFrame, type FrameHeader, FrameKind, MAX_PAYLOAD_BYTES } from "../wire/frame.ts";
import { FrameReader } from "../wire/frame-reader.ts";
import {
  Challenge,
  diallerMac,
  HANDSHAKE_PAYLOAD_BYTES,
  HANDSHAKE_TIMEOUT_MS,
  type KeyedHash,
  listenerMac,
  Proof,
  type Purpose,
  Welcome,
} from "../wire/handshake.ts";
import { decodePayload } from "../wire/stream-open.ts";
import { freshNonce, sameMac } from "./secret-hash.ts";

const noLun = Buffer.alloc(16);
const noStream = { hi: 0, lo: 0 };

/** A frame without a LUN, its payload JSON. */
export function encodeJsonFrame(kind: FrameKind, value: unknown): Buffer {
  const payload = Buffer.from(JSON.stringify(value), "utf8");
  return encodeFrame(kind, noLun, noStream, 0, 0, 0, payload);
}

export type Identity = Omit<Proof, "mac" | "nonce">;

export type ProvenRole =
  | { role: "dialler"; identity: Identity; listener: string | null; hash: KeyedHash }
  | {
      role: "listener";
      /** This server, or null while it waits for one who pairs. */
      self: string;
      /** The keyed hash for what the dialler says of itself; null: a stranger. */
      admit(proof: Proof): { hash: KeyedHash; listener: string | null } | null;
    };

export interface ProvenEvents {
  proven(identity: Identity): void;
  /** `bytes` at `at` begins the frame's header. The payload may be kept. Returning false closes. */
  frame(header: FrameHeader, bytes: Buffer, at: number, payload: Buffer): boolean;
  /** After all frames of one chunk. */
  batchEnd(): void;
  /** Once; `stranger`: it never proved itself. */
  closed(reason: string, stranger: boolean): void;
}

export class ProvenSocket {
  readonly socket: Socket;
  private readonly role: ProvenRole;
  private readonly events: ProvenEvents;
  private readonly reader: FrameReader;
  private readonly ownNonce = freshNonce();
  private readonly timer: NodeJS.Timeout;
  private provenNow = false;
  private closedNow = false;
  private proofSent: Proof | null = null;
  private listenerNonce = "";

  constructor(socket: Socket, role: ProvenRole, events: ProvenEvents) {
    this.socket = socket;
    this.role = role;
    this.events = events;
    this.reader = new FrameReader(
      (header, bytes, at, payload) => this.take(header, bytes, at, payload),
      HANDSHAKE_PAYLOAD_BYTES,
    );
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.data(chunk));
    socket.on("error", (error) => this.close(error.message));
    socket.on("close", () => this.close("the other side closed it"));
    this.timer = setTimeout(() => this.close("no proof in time"), HANDSHAKE_TIMEOUT_MS);
    if (role.role === "listener") {
      this.listenerNonce = this.ownNonce;
      socket.write(encodeJsonFrame(FrameKind.challenge, { nonce: this.ownNonce }));
    }
  }

  get proven(): boolean {
    return this.provenNow;
  }

  close(reason: string): void {
    if (this.closedNow) return;
    this.closedNow = true;
    clearTimeout(this.timer);
    this.socket.destroy();
    this.events.closed(reason, !this.provenNow);
  }

  private data(chunk: Buffer): void {
    if (this.closedNow) return;
    const fault = this.reader.push(chunk);
    if (fault !== null) this.close(`a frame is wrong: ${fault}`);
    else if (this.provenNow && !this.closedNow) this.events.batchEnd();
  }

  private take(header: FrameHeader, bytes: Buffer, at: number, payload: Buffer): boolean {
    if (this.closedNow) return false;
    if (this.provenNow) {
      if (this.events.frame(header, bytes, at, payload)) return true;
      this.close("a frame was not expected");
      return false;
    }
    const reason = this.handshake(header.kind, payload);
    if (reason === null) return true;
    this.close(reason);
    return false;
  }

  private handshake(kind: FrameKind, payload: Buffer): string | null {
    const { role } = this;
    if (role.role === "listener") {
      return kind === FrameKind.proof ? this.checkProof(role, payload) : "no proof came first";
    }
    if (kind === FrameKind.challenge && this.proofSent === null) {
      return this.answerChallenge(role, payload);
    }
    if (kind === FrameKind.welcome && this.proofSent !== null) {
      return this.checkWelcome(role, this.proofSent, payload);
    }
    return "the handshake is out of order";
  }

  private answerChallenge(
    role: Extract<ProvenRole, { role: "dialler" }>,
    payload: Buffer,
  ): string | null {
    const challenge = decodePayload(Challenge, payload);
    if (challenge === null) return "the challenge could not be read";
    this.listenerNonce = challenge.nonce;
    const proof = { ...role.identity, nonce: this.ownNonce };
    const subject = { listenerNonce: challenge.nonce, proof, listener: role.listener };
    this.proofSent = { ...proof, mac: diallerMac(role.hash, subject) };
    this.socket.write(encodeJsonFrame(FrameKind.proof, this.proofSent));
    return null;
  }

  private checkProof(
    role: Extract<ProvenRole, { role: "listener" }>,
    payload: Buffer,
  ): string | null {
    const proof = decodePayload(Proof, payload);
    if (proof === null) return "the proof could not be read";
    const admitted = role.admit(proof);
    if (admitted === null) return "nobody known here";
    const { listenerNonce } = this;
    const subject = { listenerNonce, proof, listener: admitted.listener };
    if (!sameMac(diallerMac(admitted.hash, subject), proof.mac)) return "the proof is wrong";
    this.socket.write(
      encodeJsonFrame(FrameKind.welcome, { mac: listenerMac(admitted.hash, subject) }),
    );
    this.becomeProven(proof);
    return null;
  }

  private checkWelcome(
    role: Extract<ProvenRole, { role: "dialler" }>,
    proof: Proof,
    payload: Buffer,
  ): string | null {
    const welcome = decodePayload(Welcome, payload);
    if (welcome === null) return "the welcome could not be read";
    const { listenerNonce } = this;
    const subject = { listenerNonce, proof, listener: role.listener };
    if (!sameMac(listenerMac(role.hash, subject), welcome.mac)) return "the welcome is wrong";
    this.becomeProven(proof);
    return null;
  }

  private becomeProven(identity: {
    purpose: Purpose;
    from: string;
    epoch: number;
    index: number;
  }): void {
    this.provenNow = true;
    clearTimeout(this.timer);
    this.reader.maxPayloadBytes = MAX_PAYLOAD_BYTES;
    const { purpose, from, epoch, index } = identity;
    this.events.proven({ purpose, from, epoch, index });
  }
}
