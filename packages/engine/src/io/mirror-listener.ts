/**
 * A connection thread's end of one connection (SPEC L1, L2): listens on a port of its own, admits one proven worker of
 * the right set and element, and hands its frames to the mirror copies. Everybody else is closed and counted.
 */
import net from "node:net";
import type { MirrorCopy } from "../lun/mirror-copy.ts";
import { PARKED_LIMIT_BYTES } from "../lun/mirror-copy.ts";
import {
  encodeFrame,
  type FrameHeader,
  FrameKind,
  HEADER_BYTES,
  lunBytes,
  lunUuidAt,
} from "../wire/frame.ts";
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
  opening: boolean;
  /** It was forgotten while its copy was being opened: to be called once that is closed again. */
  forgotten: (() => void) | null;
  waiting: Waiting[];
}

interface Waiting {
  header: FrameHeader;
  payload: Buffer;
}

export class MirrorListener {
  private readonly options: MirrorListenerOptions;
  private readonly server: net.Server;
  private readonly entries = new LunIndex<Entry>();
  private readonly touched = new Set<MirrorCopy>();
  private readonly unproven = new Set<ProvenSocket>();
  private worker: ProvenSocket | null = null;
  /** Of frames whose LUN's copy is being opened. */
  private waitingBytes = 0;
  private paused = false;
  private corked = false;
  private closing = false;

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
        if (address === null || typeof address === "string") {
          reject(new Error("no port"));
          return;
        }
        // A dialler that could not be accepted (no descriptor was left) tries again; it is no reason to end.
        this.server.on("error", () => undefined);
        resolve(address.port);
      });
    });
  }

  /** Closes the listening socket and the connection. */
  close(reason: string): void {
    this.closing = true;
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
      this.release(entry);
    } else {
      this.touched.delete(entry.copy);
      entry.copy.end(done);
    }
    this.resumeWhenRoom();
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
  }

  private readonly uncork = (): void => {
    this.corked = false;
    this.worker?.socket.uncork();
    // A copy answers before it takes what it had parked, so there is room only now.
    this.resumeWhenRoom();
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
          if (stranger && !this.closing) options.stranger(from, reason);
          else if (this.worker === proven) options.ended(reason);
        },
      },
    );
    this.unproven.add(proven);
  }

  private frame(header: FrameHeader, bytes: Buffer, at: number, payload: Buffer): boolean {
    const size = HEADER_BYTES + payload.length;
    this.options.received(size);
    const entry = this.entries.find(header.lunWord, bytes, at) ?? this.open(lunUuidAt(bytes, at));
    if (entry.copy !== null) {
      entry.copy.take(header, payload);
      this.touched.add(entry.copy);
    } else if (entry.opening) {
      entry.waiting.push({ header: { ...header }, payload });
      this.waitingBytes += size;
    }
    return true;
  }

  private open(uuid: string): Entry {
    const entry: Entry = { copy: null, opening: true, forgotten: null, waiting: [] };
    this.entries.set(uuid, entry);
    this.options.need(uuid, (copy) => {
      this.opened(uuid, entry, copy);
      this.resumeWhenRoom();
    });
    return entry;
  }

  private opened(uuid: string, entry: Entry, copy: MirrorCopy | string): void {
    const waiting = this.release(entry);
    if (entry.forgotten !== null || this.closing) {
      const forgotten = entry.forgotten ?? (() => undefined);
      if (typeof copy === "string") forgotten();
      else copy.end(forgotten);
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
    for (const { header, payload } of waiting) copy.take(header, payload);
    copy.answerDue();
  }

  /** Nothing waits in the entry any more; returns what did. */
  private release(entry: Entry): Waiting[] {
    const { waiting } = entry;
    for (const { payload } of waiting) this.waitingBytes -= HEADER_BYTES + payload.length;
    entry.opening = false;
    entry.waiting = [];
    return waiting;
  }

  private batchEnd(): void {
    let held = this.waitingBytes;
    for (const copy of this.touched) {
      copy.answerDue();
      held += copy.parkedBytes;
    }
    this.touched.clear();
    if (held > 0 && this.worker !== null && this.heldBytes > PARKED_LIMIT_BYTES) {
      this.paused = true;
      this.worker.socket.pause();
    }
  }

  /** What is held here of frames that could not be applied at once (SPEC W10). */
  private get heldBytes(): number {
    let held = this.waitingBytes;
    for (const copy of this.copies()) held += copy.parkedBytes;
    return held;
  }

  private resumeWhenRoom(): void {
    if (!this.paused || this.heldBytes > PARKED_LIMIT_BYTES / 2) return;
    this.paused = false;
    this.worker?.socket.resume();
  }
}
