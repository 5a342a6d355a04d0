/**
 * One request that changes data, on its way: the local request, the entry in the window, and what the host waits for,
 * in one pooled object. It is its own completion, so that a write needs no closure.
 */
import type { BlockError, BlockOperation, BlockRequest } from "@lockstep/block";
import { type FrameKind, HEADER_BYTES } from "../wire/frame.ts";
import type { StreamId } from "../wire/stream-id.ts";

const noStream: StreamId = { hi: 0, lo: 0 };

/** Whom a finished local request is told to. */
export interface LocalCompletion {
  localDone(write: MirrorWrite, error: BlockError | null): void;
}

export type WriteRoute = "local" | "live" | "journal";

export class MirrorWrite implements BlockRequest {
  op: BlockOperation = "write";
  offset = 0;
  length = 0;
  buffer: Buffer | null = null;
  fua = false;

  route: WriteRoute = "local";
  kind: FrameKind = 1;
  /** Number in the stream; 0 where it has none. */
  number = 0;
  /** The stream it has its number in. */
  stream: StreamId = noStream;
  /** The frame's header once it was encoded. */
  header: Buffer | null = null;
  /** Who waits; null for the mirror's own (copies) and once answered. */
  host: BlockRequest | null = null;
  /** The flush that an FUA write is followed by: it begins when this write's local part has ended. */
  follower: MirrorWrite | null = null;
  /** Parts that still have to end before the host is answered locally (local request, journal sync). */
  pending = 0;
  localError: BlockError | null = null;
  /** The local request has ended. */
  settled = false;
  /** The local request is being submitted: its completion is taken up by the submitter. */
  submitting = false;
  /** It was not over when `submit` returned: others that overlap must wait. */
  underWay = false;
  acknowledged = false;
  /** It stands in the window, and counts as so many bytes there. */
  inWindow = false;
  windowBytes = 0;
  /** Monotonic ms: when it began, and when its frame was sent (0: not yet). */
  startedAt = 0;
  sentAt = 0;

  private readonly owner: LocalCompletion;

  constructor(owner: LocalCompletion) {
    this.owner = owner;
  }

  complete(error: BlockError | null): void {
    this.owner.localDone(this, error);
  }

  overlaps(offset: number, length: number): boolean {
    return offset < this.offset + this.length && this.offset < offset + length;
  }

  /** Bytes of its frame. */
  get frameBytes(): number {
    return HEADER_BYTES + (this.buffer === null ? 0 : this.buffer.length);
  }

  reset(): void {
    this.fua = false;
    this.buffer = null;
    this.header = null;
    this.host = null;
    this.follower = null;
    this.localError = null;
    this.number = 0;
    this.stream = noStream;
    this.pending = 0;
    this.settled = false;
    this.underWay = false;
    this.acknowledged = false;
    this.inWindow = false;
    this.sentAt = 0;
  }
}

/** Writes not in use, up to a bound. */
export class WritePool {
  private readonly free: MirrorWrite[] = [];
  private readonly owner: LocalCompletion;
  private static readonly KEPT = 512;

  constructor(owner: LocalCompletion) {
    this.owner = owner;
  }

  take(): MirrorWrite {
    return this.free.pop() ?? new MirrorWrite(this.owner);
  }

  give(write: MirrorWrite): void {
    write.reset();
    if (this.free.length < WritePool.KEPT) this.free.push(write);
  }
}
