/**
 * A connection thread's end of one connection (SPEC L1, L2): listens on a port of its own, admits one proven worker of
 * the right set and element, and hands its frames to the mirror copies. Everybody else is closed and counted.
 */
import net from "node:net";
import type { MirrorCopy } from "../lun/mirror-copy.ts";
import { PARKED_LIMIT_BYTES } from "../lun/mirror-copy.ts";
import { encodeFrame, type FrameHeader, FrameKind, lunBytes, lunUuidAt } from "../wire/frame.ts";
import type { KeyedHash } from "../wire/handshake.ts";
import { LunIndex } from "../wire/lun-index.ts";
import type { StreamId } from "../wire/stream-id.ts";
import { encodePayload } from "../wire/stream-open.ts";
import { ProvenSocket } from "./proven-socket.ts";

/** Strangers' connections that may be open at a time; more are closed at once. */
const MAX_UNPROVEN = 8;

export interface MirrorListenerOptions {
  host: string;
  self: string;
  peer: string;
  epoch: number;
  index: number;
  hash: KeyedHash;
  /** A LUN is named that is not open here yet; `ready` is called with its copy, or with why there is none. */
  need(uuid: string, ready: (copy: MirrorCopy | string) => void): void;
  /** The worker is connected. */
  connected(): void;
  /** The connection ended; the thread exits. */
  ended(reason: string): void;
  stranger(from: string, reason: string): void;
  /** A mirror request arrived, of so many bytes. */
  received(bytes: number): void;
}

/** Frames of a LUN whose copy is being opened wait here. */
interface Entry {
  copy: MirrorCopy | null;
  /** It was forgotten while its copy was being opened: to be called once that is closed again. */
  forgotten: (() => void) | null;
  waiting: { header: FrameHeader; payload: Buffer }[];
}

export class MirrorListener {
  private readonly options: MirrorListenerOptions;
  private readonly server: net.Server;
  private readonly entries = new LunIndex<Entry>();
  private readonly touched = new Set<MirrorCopy>();
  private readonly unproven = new Set<ProvenSocket>();
  private worker: ProvenSocket | null = null;
  private paused = false;
  private corked = false;

  constructor(options: MirrorListenerOptions) {
    this.options = options;
    this.server = net.createServer((socket) => this.accept(socket));
  }

  /** Resolves with the port it listens on. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen({ host: this.options.host, port: 0 }, () => {
        const address = this.server.address();
        if (address === null || typeof address === "string") reject(new Error("no port"));
        else resolve(address.port);
      });
    });
  }

  /** Closes the listening socket and the connection. */
  close(reason: string): void {
    this.server.close();
    for (const socket of this.unproven) socket.close(reason);
    this.worker?.close(reason);
  }

  /** Closes a LUN's copy, if it is open: what comes of the LUN later asks for a copy anew. */
  forget(uuid: string, done: () => void): void {
    const entry = this.entries.get(uuid);
    this.entries.delete(uuid);
    if (entry === undefined) {
      done();
    } else if (entry.copy === null) {
      entry.forgotten = done;
    } else {
      this.touched.delete(entry.copy);
      entry.copy.end(done);
    }
  }

  /** The copies that were opened. */
  *copies(): IterableIterator<MirrorCopy> {
    for (const entry of this.entries.values()) if (entry.copy !== null) yield entry.copy;
  }

  /** Sends a copy's answer. */
  answer(
    uuid: string,
    kind: FrameKind,
    stream: StreamId,
    number: number,
    stable: number,
    payload: Buffer | null,
  ): void {
    const { worker } = this;
    if (worker === null) return;
    if (!this.corked) {
      this.corked = true;
      worker.socket.cork();
      process.nextTick(this.uncork);
    }
    worker.socket.write(encodeFrame(kind, lunBytes(uuid), stream, number, stable, 0, payload));
    this.resumeWhenRoom();
  }

  private readonly uncork = (): void => {
    this.corked = false;
    this.worker?.socket.uncork();
  };

  private accept(socket: net.Socket): void {
    const { options } = this;
    const from = `${socket.remoteAddress}:${socket.remotePort}`;
    if (this.unproven.size >= MAX_UNPROVEN) {
      socket.destroy();
      options.stranger(from, "too many connections have not proven themselves");
      return;
    }
    const proven: ProvenSocket = new ProvenSocket(
      socket,
      {
        role: "listener",
        self: options.self,
        admit: (proof) => {
          const expected =
            proof.purpose === "stream" &&
            proof.from === options.peer &&
            proof.epoch === options.epoch &&
            proof.index === options.index &&
            this.worker === null;
          return expected ? { hash: options.hash, listener: options.self } : null;
        },
      },
      {
        proven: () => {
          this.unproven.delete(proven);
          this.worker = proven;
          this.server.close();
          options.connected();
        },
        frame: (header, bytes, at, payload) => this.frame(header, bytes, at, payload),
        batchEnd: () => this.batchEnd(),
        closed: (reason, stranger) => {
          this.unproven.delete(proven);
          if (stranger) options.stranger(from, reason);
          else if (this.worker === proven) options.ended(reason);
        },
      },
    );
    this.unproven.add(proven);
  }

  private frame(header: FrameHeader, bytes: Buffer, at: number, payload: Buffer): boolean {
    this.options.received(64 + payload.length);
    let entry = this.entries.find(header.lunWord, bytes, at);
    if (entry === undefined) entry = this.open(lunUuidAt(bytes, at));
    if (entry.copy !== null) {
      entry.copy.take(header, payload);
      this.touched.add(entry.copy);
    } else {
      entry.waiting.push({ header: { ...header }, payload });
    }
    return true;
  }

  private open(uuid: string): Entry {
    const entry: Entry = { copy: null, forgotten: null, waiting: [] };
    this.entries.set(uuid, entry);
    this.options.need(uuid, (copy) => {
      if (entry.forgotten !== null) {
        if (typeof copy === "string") entry.forgotten();
        else copy.end(entry.forgotten);
        return;
      }
      if (typeof copy === "string") {
        // Forgotten, so that a later query asks again.
        this.entries.delete(uuid);
        const payload = encodePayload({ message: copy.slice(0, 500) });
        this.answer(uuid, FrameKind.refused, { hi: 0, lo: 0 }, 0, 0, payload);
        return;
      }
      entry.copy = copy;
      for (const { header, payload } of entry.waiting) copy.take(header, payload);
      entry.waiting = [];
      copy.answerDue();
    });
    return entry;
  }

  private batchEnd(): void {
    let parked = 0;
    for (const copy of this.touched) {
      copy.answerDue();
      parked += copy.parkedBytes;
    }
    this.touched.clear();
    if (parked > PARKED_LIMIT_BYTES && this.worker !== null) {
      this.paused = true;
      this.worker.socket.pause();
    }
  }

  private resumeWhenRoom(): void {
    if (!this.paused) return;
    let parked = 0;
    for (const copy of this.copies()) parked += copy.parkedBytes;
    if (parked > PARKED_LIMIT_BYTES / 2) return;
    this.paused = false;
    this.worker?.socket.resume();
  }
}
