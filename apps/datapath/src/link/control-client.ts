/** The dialling side of the control channel: one connection at a time, made when it is needed, requests with time-outs. */
import net from "node:net";
import { decodePayload, FrameKind, type KeyedHash, type Purpose } from "@lockstep/engine";
import { encodeJsonFrame, ProvenSocket } from "@lockstep/engine/io";
import { Failure, FailureCode } from "@lockstep/model";
import {
  ControlMessage,
  type ControlParams,
  type ControlRequestName,
  type ControlResult,
  controlRequests,
  type LunNotice,
} from "./control-messages.ts";

/** A request without an answer for so long fails, and closes the channel. */
const REQUEST_TIMEOUT_MS = 10_000;

export interface ControlTarget {
  host: string;
  port: number;
  purpose: Extract<Purpose, "control" | "pair">;
  self: string;
  /** The peer's uuid; null while pairing. */
  peer: string | null;
  hash: KeyedHash;
}

interface Waiting {
  done(message: ControlMessage): void;
  fail(failure: Failure): void;
}

export class ControlClient {
  private readonly target: ControlTarget;
  private readonly waiting = new Map<number, Waiting>();
  private proven: ProvenSocket | null = null;
  private nextId = 1;
  private closedNow = false;

  constructor(target: ControlTarget) {
    this.target = target;
  }

  get closed(): boolean {
    return this.closedNow;
  }

  /** Resolves when both sides have proven themselves. */
  connect(): Promise<void> {
    const { host, port, purpose, self, peer, hash } = this.target;
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host, port });
      const identity = { purpose, from: self, epoch: 0, index: 0 };
      this.proven = new ProvenSocket(
        socket,
        { role: "dialler", identity, listener: peer, hash },
        {
          proven: () => resolve(),
          frame: (header, _bytes, _at, payload) => this.take(header.kind, payload),
          batchEnd: () => undefined,
          closed: (reason, stranger) => {
            const failure = unreachable(host, port, reason, stranger);
            reject(failure);
            this.ended(failure);
          },
        },
      );
    });
  }

  async request<K extends ControlRequestName>(
    request: K,
    params: ControlParams<K>,
  ): Promise<ControlResult<K>> {
    const { proven } = this;
    if (proven === null || this.closedNow)
      throw new Failure("unreachable", "the peer is not connected");
    const id = this.nextId++;
    const result = await new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new Failure("timeout", `the peer did not answer "${request}" in time`));
        this.close(`no answer to ${request}`);
      }, REQUEST_TIMEOUT_MS);
      this.waiting.set(id, {
        done: (message) => {
          clearTimeout(timer);
          if ("error" in message) reject(peerFailure(message.error));
          else resolve("result" in message ? message.result : null);
        },
        fail: (failure) => {
          clearTimeout(timer);
          reject(failure);
        },
      });
      proven.socket.write(encodeJsonFrame(FrameKind.control, { id, request, params }));
    });
    const parsed = controlRequests[request].result.safeParse(result);
    if (!parsed.success)
      throw new Failure("internal", `the peer's answer to "${request}" is wrong`);
    return parsed.data as ControlResult<K>;
  }

  /** Tells the peer a LUN's state; lost where the channel is down, for the next one tells it anew. */
  notify(lun: LunNotice): void {
    if (this.proven === null || this.closedNow) return;
    this.proven.socket.write(encodeJsonFrame(FrameKind.control, { notice: "lun", lun }));
  }

  close(reason: string): void {
    this.proven?.close(reason);
    this.ended(new Failure("unreachable", reason));
  }

  private take(kind: FrameKind, payload: Buffer): boolean {
    const message = kind === FrameKind.control ? decodePayload(ControlMessage, payload) : null;
    if (message === null || !("id" in message)) return false;
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    waiting?.done(message);
    return true;
  }

  private ended(failure: Failure): void {
    if (this.closedNow) return;
    this.closedNow = true;
    for (const waiting of this.waiting.values()) waiting.fail(failure);
    this.waiting.clear();
  }
}

function unreachable(host: string, port: number, reason: string, early: boolean): Failure {
  const where = `${host}:${port}`;
  const text = early ? `the peer at ${where} could not be reached: ${reason}` : reason;
  return new Failure("unreachable", text);
}

function peerFailure(error: { code: string; message: string; hint: string | null }): Failure {
  const code = FailureCode.safeParse(error.code);
  return new Failure(code.success ? code.data : "internal", error.message, error.hint);
}
