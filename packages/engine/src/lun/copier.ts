/**
 * A full copy of a LUN to its mirror, within the stream (SPEC R3, R5): blocks take numbers among the live writes, so
 * that older data can never overwrite newer. It keeps at most COPY_WINDOW_BYTES in the send window and lets hosts go
 * first between its blocks.
 */
import type { BlockDevice, BlockError, BlockOperation, BlockRequest } from "@lockstep/block";
import type { Progress } from "@lockstep/model";

export const COPY_BLOCK_BYTES = 256 * 1024;
export const COPY_WINDOW_BYTES = 4 * 2 ** 20;
/** A run of zeroes is sent as one range of at most this. */
const ZERO_RUN_BYTES = 2 ** 30;
/** Blocks read between two turns of the event loop. */
const BLOCKS_PER_TURN = 4;

export interface CopyOwner {
  /** Whether the copy may put more into the window now. */
  copyMayGoOn(): boolean;
  /** Whether a write under way touches the range: it is read later. */
  copyMustWait(offset: number, length: number): boolean;
  copyBlock(offset: number, data: Buffer): void;
  copyZeroes(offset: number, length: number): void;
  copyEnd(): void;
  copyFailed(error: BlockError): void;
  now(): number;
  defer(task: () => void): void;
}

class CopyRead implements BlockRequest {
  readonly op: BlockOperation = "read";
  readonly fua = false;
  offset = 0;
  length = 0;
  buffer: Buffer | null = null;
  private readonly done: (error: BlockError | null) => void;

  constructor(done: (error: BlockError | null) => void) {
    this.done = done;
  }

  complete(error: BlockError | null): void {
    this.done(error);
  }
}

export class Copier {
  private readonly owner: CopyOwner;
  private readonly local: BlockDevice;
  /** The mirror is known to be all zeroes: holes need not be told. */
  private readonly mirrorIsZero: boolean;
  private readonly read = new CopyRead((error) => this.readDone(error));
  private readonly begunAt: number;
  private position = 0;
  private reading = false;
  /** A write changed the range while it was being read. */
  private touched = false;
  private scheduled = false;
  private ended = false;
  private stopped = false;

  constructor(owner: CopyOwner, local: BlockDevice, mirrorIsZero: boolean) {
    this.owner = owner;
    this.local = local;
    this.mirrorIsZero = mirrorIsZero;
    this.begunAt = owner.now();
  }

  get progress(): Progress {
    const elapsedMs = this.owner.now() - this.begunAt;
    const left = this.local.sizeBytes - this.position;
    return {
      kind: "copy",
      doneBytes: this.position,
      totalBytes: this.local.sizeBytes,
      etaMs: this.position > 0 && elapsedMs > 500 ? (elapsedMs / this.position) * left : null,
    };
  }

  /** A write to the range begins. */
  touch(offset: number, length: number): void {
    if (!this.reading) return;
    if (offset < this.read.offset + this.read.length && this.read.offset < offset + length) {
      this.touched = true;
    }
  }

  stop(): void {
    this.stopped = true;
  }

  pump(): void {
    for (let block = 0; block < BLOCKS_PER_TURN; block++) {
      if (this.stopped || this.ended || this.reading || !this.owner.copyMayGoOn()) return;
      if (this.position >= this.local.sizeBytes) {
        this.ended = true;
        this.owner.copyEnd();
        return;
      }
      if (!this.step()) return;
    }
    this.goOnLater();
  }

  /** Sends or begins the next piece; false where a write under way must end first (the owner pumps then). */
  private step(): boolean {
    const extent = this.local.extentAt(this.position);
    const left = extent.offset + extent.length - this.position;
    if (!extent.data) {
      const length = Math.min(left, ZERO_RUN_BYTES);
      if (this.owner.copyMustWait(this.position, length)) return false;
      if (!this.mirrorIsZero) this.owner.copyZeroes(this.position, length);
      this.position += length;
      return true;
    }
    const length = Math.min(left, COPY_BLOCK_BYTES);
    if (this.owner.copyMustWait(this.position, length)) return false;
    this.read.offset = this.position;
    this.read.length = length;
    this.read.buffer = Buffer.allocUnsafeSlow(length);
    this.reading = true;
    this.touched = false;
    this.local.submit(this.read);
    return true;
  }

  private readDone(error: BlockError | null): void {
    this.reading = false;
    const data = this.read.buffer;
    this.read.buffer = null;
    if (this.stopped) return;
    if (error !== null) {
      this.owner.copyFailed(error);
      return;
    }
    if (!this.touched && data !== null) {
      this.position = this.read.offset + this.read.length;
      this.owner.copyBlock(this.read.offset, data);
    }
    this.goOnLater();
  }

  private goOnLater(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.owner.defer(() => {
      this.scheduled = false;
      this.pump();
    });
  }
}
