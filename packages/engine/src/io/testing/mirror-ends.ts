/** Both ends of a mirror connection for tests: a listener with the copies it asks for, and a worker that dials it. */
import net from "node:net";
import type { BlockDevice, BlockError, BlockRequest } from "@lockstep/block";
import { expect } from "vitest";
import type { MirrorMark } from "../../lun/mark.ts";
import { type AppliedNote, MirrorCopy } from "../../lun/mirror-copy.ts";
import { encodeFrame, FrameKind, lunBytes } from "../../wire/frame.ts";
import type { KeyedHash } from "../../wire/handshake.ts";
import type { StreamId } from "../../wire/stream-id.ts";
import { MirrorListener } from "../mirror-listener.ts";
import { type Identity, ProvenSocket } from "../proven-socket.ts";
import { keyedHash } from "../secret-hash.ts";
import { ALPHA, BETA } from "./proven-ends.ts";

export const HASH = keyedHash(Buffer.alloc(32, 7), "stream");
export const IDENTITY: Identity = { purpose: "stream", from: ALPHA, epoch: 3, index: 1 };
export const LUN = "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9";
const STREAM = { hi: 1, lo: 2 };
/** The LUN's size; a copy's begin tells it. */
const DEVICE_BYTES = 2 ** 30;

/** A device that answers at once, or keeps what it is asked to do until a test ends it. */
export class TestDevice implements BlockDevice {
  readonly blockSize = 512;
  readonly sizeBytes = DEVICE_BYTES;
  readonly offsets: number[] = [];
  readonly held: BlockRequest[] = [];
  holding = false;
  submit(request: BlockRequest): void {
    this.offsets.push(request.offset);
    if (this.holding) this.held.push(request);
    else request.complete(null);
  }
  release(error: BlockError | null = null): void {
    this.held.shift()?.complete(error);
  }
  resize(): void {
    throw new Error("nobody resizes it");
  }
  extentAt(offset: number) {
    return { offset, length: this.sizeBytes - offset, data: true };
  }
  close(done: (error: BlockError | null) => void): void {
    done(null);
  }
}

class TestNote implements AppliedNote {
  stream: StreamId | null = null;
  applied = 0;
  set(number: number): void {
    this.applied = number;
  }
  turn(stream: StreamId, number: number): void {
    this.stream = stream;
    this.applied = number;
  }
}

/** A listener of beta's for alpha's worker 1, and what it was told. */
export class ListenerSide {
  readonly strangers: string[] = [];
  readonly endings: string[] = [];
  readonly needs: { uuid: string; ready: (copy: MirrorCopy | string) => void }[] = [];
  readonly listener: MirrorListener;
  connections = 0;
  receivedBytes = 0;
  port = 0;

  constructor() {
    this.listener = new MirrorListener({
      host: "127.0.0.1",
      self: BETA,
      peer: ALPHA,
      epoch: IDENTITY.epoch,
      index: IDENTITY.index,
      hash: HASH,
      need: (uuid, ready) => this.needs.push({ uuid, ready }),
      connected: () => this.connections++,
      ended: (reason) => this.endings.push(reason),
      stranger: (_from, reason) => this.strangers.push(reason),
      received: (bytes) => {
        this.receivedBytes += bytes;
      },
    });
  }

  static async start(): Promise<ListenerSide> {
    const side = new ListenerSide();
    side.port = await side.listener.listen();
    return side;
  }

  /** Opens a copy that answers through this listener. */
  copy(device: TestDevice, uuid = LUN): MirrorCopy {
    let mark: MirrorMark | null = null;
    return new MirrorCopy({
      local: device,
      note: new TestNote(),
      marks: {
        write: (value, done) => {
          mark = value;
          done(null);
        },
      },
      mark,
      kernelBootId: "boot",
      answer: (kind, stream, number, stable, payload) =>
        this.listener.answer(uuid, kind, stream, number, stable, payload),
      failed: () => undefined,
      changed: () => undefined,
    });
  }

  /** The need that was told at position `at`. */
  async need(at = 0): Promise<(copy: MirrorCopy | string) => void> {
    await expect.poll(() => this.needs.length).toBeGreaterThan(at);
    return (this.needs[at] as (typeof this.needs)[number]).ready;
  }
}

export interface Answer {
  kind: FrameKind;
  number: number;
  payload: string;
}

/** A worker of alpha's, or one who says so. */
export class WorkerSide {
  readonly answers: Answer[] = [];
  readonly closed: Promise<string>;
  readonly proven: Promise<void>;
  private readonly connection: ProvenSocket;

  constructor(port: number, identity: Partial<Identity> = {}, hash: KeyedHash = HASH) {
    const closed = Promise.withResolvers<string>();
    const proven = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.proven = proven.promise;
    this.connection = new ProvenSocket(
      net.connect(port, "127.0.0.1"),
      { role: "dialler", identity: { ...IDENTITY, ...identity }, listener: BETA, hash },
      {
        proven: () => proven.resolve(),
        frame: ({ kind, number }, _bytes, _at, payload) =>
          this.answers.push({ kind, number, payload: payload.toString("utf8") }) > 0,
        batchEnd: () => undefined,
        closed: (reason) => closed.resolve(reason),
      },
    );
  }

  send(kind: FrameKind, number: number, bytes = 0, uuid = LUN): void {
    const payload = bytes === 0 ? null : Buffer.alloc(bytes, number);
    const offset = kind === FrameKind.copyBegin ? DEVICE_BYTES : number * 512;
    const frame = encodeFrame(kind, lunBytes(uuid), STREAM, number, offset, bytes, payload);
    this.connection.socket.write(frame);
  }

  /** A copy's begin and writes up to `last`, so that each must find its predecessor applied. */
  sendRun(last: number, bytes: number, uuid = LUN): void {
    this.send(FrameKind.copyBegin, 1, 0, uuid);
    for (let number = 2; number <= last; number++) this.send(FrameKind.copy, number, bytes, uuid);
  }

  close(): void {
    this.connection.close("enough");
  }

  /** The last number acknowledged. */
  get acked(): number {
    return Math.max(0, ...this.answers.filter(isAck).map(({ number }) => number));
  }
}

function isAck({ kind }: Answer): boolean {
  return kind === FrameKind.ack;
}
