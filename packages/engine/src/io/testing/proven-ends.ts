/** The two ends of proven connections over loopback for tests: honest ones, and a raw socket for those who are not. */
import { once } from "node:events";
import net from "node:net";
import { type FrameHeader, FrameKind } from "../../wire/frame.ts";
import { FrameReader } from "../../wire/frame-reader.ts";
import type { KeyedHash, Proof } from "../../wire/handshake.ts";
import { encodeJsonFrame, type Identity, type ProvenRole, ProvenSocket } from "../proven-socket.ts";

export const ALPHA = "6f0d6f5c-0000-4000-8000-00000000000a";
export const BETA = "1b0d6f5c-0000-4000-8000-00000000000b";

/** One end, and all that it was told. */
export class ProvenEnd {
  readonly proven: ProvenSocket;
  readonly identities: Identity[] = [];
  readonly numbers: number[] = [];
  readonly closings: { reason: string; stranger: boolean }[] = [];
  batches = 0;
  /** The frame with this number is not expected. */
  refused = -1;
  readonly closed: Promise<{ reason: string; stranger: boolean }>;
  readonly ready: Promise<void>;

  constructor(socket: net.Socket, role: ProvenRole) {
    const closed = Promise.withResolvers<{ reason: string; stranger: boolean }>();
    const ready = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.ready = ready.promise;
    this.proven = new ProvenSocket(socket, role, {
      proven: (identity) => {
        this.identities.push(identity);
        ready.resolve();
      },
      frame: (header) => {
        this.numbers.push(header.number);
        return header.number !== this.refused;
      },
      batchEnd: () => {
        this.batches++;
      },
      closed: (reason, stranger) => {
        this.closings.push({ reason, stranger });
        closed.resolve({ reason, stranger });
      },
    });
  }
}

/** Listens on a free loopback port until closed; each connection is an end in `role`, or raw. */
export class Listening {
  readonly server: net.Server;
  readonly port: number;
  private readonly sockets = new Set<net.Socket>();
  private readonly accepted: net.Socket[] = [];
  private waiting: (() => void) | null = null;

  static async start(): Promise<Listening> {
    const server = net.createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Listening(server);
  }

  private constructor(server: net.Server) {
    this.server = server;
    this.port = (server.address() as net.AddressInfo).port;
    server.on("connection", (socket) => {
      this.sockets.add(socket);
      this.accepted.push(socket);
      this.waiting?.();
    });
  }

  async next(): Promise<net.Socket> {
    while (this.accepted.length === 0) {
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
    return this.accepted.shift() as net.Socket;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/** One who says whatever a test has it say. */
export class Stranger {
  readonly socket: net.Socket;
  readonly ended: Promise<void>;
  private readonly frames: { kind: FrameKind; payload: Buffer }[] = [];
  private waiting: (() => void) | null = null;

  constructor(socket: net.Socket) {
    this.socket = socket;
    const reader = new FrameReader((header: FrameHeader, _bytes, _at, payload) => {
      this.frames.push({ kind: header.kind, payload });
      this.waiting?.();
      return true;
    }, 2 ** 20);
    socket.on("data", (chunk: Buffer) => reader.push(chunk));
    socket.on("error", () => undefined);
    this.ended = new Promise((resolve) => {
      socket.on("close", () => resolve());
    });
  }

  static dial(port: number): Stranger {
    return new Stranger(net.connect(port, "127.0.0.1"));
  }

  /** The JSON of the next frame, which is of this kind. */
  async hears<T>(kind: FrameKind): Promise<T> {
    while (this.frames.length === 0) {
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
    const frame = this.frames.shift() as { kind: FrameKind; payload: Buffer };
    if (frame.kind !== kind) throw new Error(`heard a frame of kind ${frame.kind}`);
    return JSON.parse(frame.payload.toString("utf8")) as T;
  }

  says(kind: FrameKind, value: unknown): void {
    this.socket.write(encodeJsonFrame(kind, value));
  }

  /** Proves what it knows: an honest dialler's answer to the challenge, with whatever MAC. */
  async proves(proof: Omit<Proof, "mac">, mac: (listenerNonce: string) => string): Promise<Proof> {
    const { nonce } = await this.hears<{ nonce: string }>(FrameKind.challenge);
    const sent = { ...proof, mac: mac(nonce) };
    this.says(FrameKind.proof, sent);
    return sent;
  }
}

export function listenerRole(hash: KeyedHash | null, self = BETA): ProvenRole {
  return { role: "listener", self, admit: () => hash && { hash, listener: self } };
}
