/**
 * A disk in memory with a volatile cache: a flush makes stable what lay in the cache when it began, a failed flush
 * forgets what it covered (the kernel's pages are clean afterwards), and a loss of power keeps what was stable and any
 * part of the rest. Writes end at once, as a file device's do; ranges may take time, and anything may fail or hang.
 */
import type { BlockDevice, BlockError, BlockRequest, Extent } from "@lockstep/block";
import type { Random } from "./random.ts";
import type { Schedule } from "./schedule.ts";

export const BLOCK_BYTES = 512;

/** A flush under way: the blocks it covers, and what they held when it began. */
interface Flush {
  requests: BlockRequest[];
  blocks: Set<number>;
  snapshot: Buffer;
}

export class MemoryDisk implements BlockDevice {
  readonly blockSize = BLOCK_BYTES;
  /** What reads see. */
  readonly image: Buffer;
  /** What a loss of power leaves. */
  readonly stable: Buffer;
  /** Share of changes that fail with a medium error, stored in part. */
  failing = 0;
  /** Share of flushes that fail. */
  failingFlushes = 0;
  /** Share of ranges, and with `slowWrites` of all requests, that take time. */
  slow = 0;
  slowWrites = false;
  /** Nothing ends any more. */
  isHung = false;
  /** When a flush failed last; -Infinity for never. */
  flushFailedAt = -Infinity;
  private dirty = new Set<number>();
  private readonly pending = new Set<BlockRequest>();
  private waiting: BlockRequest[] = [];
  private flushing: Flush | null = null;
  private readonly schedule: Schedule;
  private readonly random: Random;

  constructor(schedule: Schedule, random: Random, sizeBytes: number) {
    this.schedule = schedule;
    this.random = random;
    this.image = Buffer.alloc(sizeBytes);
    this.stable = Buffer.alloc(sizeBytes);
  }

  get sizeBytes(): number {
    return this.image.length;
  }

  submit(request: BlockRequest): void {
    const { op, offset, length } = request;
    if (op === "flush") {
      this.joinFlush(request);
    } else if (offset + length > this.image.length) {
      request.complete({ code: "out-of-range", detail: `${offset}, ${length} bytes` });
    } else if (this.isHung) {
      this.later(request, 1);
    } else if (this.mayTakeTime(request) && this.random.chance(this.slow)) {
      this.later(request, 0.1 + this.random.next() * 3);
    } else {
      this.carryOut(request);
    }
  }

  private mayTakeTime({ op }: BlockRequest): boolean {
    return this.slowWrites || op === "zero" || op === "unmap";
  }

  private later(request: BlockRequest, delayMs: number): void {
    this.pending.add(request);
    this.schedule.after(delayMs, () => {
      if (!this.pending.has(request)) return;
      if (this.isHung) {
        this.later(request, 1);
        return;
      }
      this.pending.delete(request);
      this.carryOut(request);
    });
  }

  private carryOut(request: BlockRequest): void {
    const { op, fua } = request;
    if (op !== "read" && this.random.chance(this.failing)) {
      const stored = this.random.below(request.length / BLOCK_BYTES + 1) * BLOCK_BYTES;
      this.store({ ...request, length: stored });
      request.complete({ code: "medium-error", detail: "EIO" });
      return;
    }
    this.store(request);
    if (fua && op !== "read") this.joinFlush(request);
    else request.complete(null);
  }

  private store({ op, offset, length, buffer }: Omit<BlockRequest, "complete">): void {
    if (op === "flush") return;
    if (op === "read") {
      this.image.copy(buffer as Buffer, 0, offset, offset + length);
      return;
    }
    if (op === "write") (buffer as Buffer).copy(this.image, offset, 0, length);
    else this.image.fill(0, offset, offset + length);
    for (let at = offset; at < offset + length; at += BLOCK_BYTES) this.dirty.add(at / BLOCK_BYTES);
  }

  // --- flushes ------------------------------------------------------------------------------------------------------

  /** Flushes are grouped: one at a time, and who comes meanwhile shares the next. */
  private joinFlush(request: BlockRequest): void {
    this.waiting.push(request);
    if (this.flushing === null) this.beginFlush();
  }

  private beginFlush(): void {
    const flush: Flush = {
      requests: this.waiting,
      blocks: this.dirty,
      snapshot: Buffer.from(this.image),
    };
    this.flushing = flush;
    this.waiting = [];
    this.dirty = new Set();
    this.schedule.after(0.1 + this.random.next() * 3, () => this.endFlush(flush));
  }

  private endFlush(flush: Flush): void {
    if (this.flushing !== flush) return;
    if (this.isHung) {
      this.schedule.after(1, () => this.endFlush(flush));
      return;
    }
    this.flushing = null;
    if (this.random.chance(this.failingFlushes)) {
      this.flushFailed(flush);
      return;
    }
    copyBlocks(flush.snapshot, this.stable, flush.blocks);
    if (this.waiting.length > 0) this.beginFlush();
    for (const request of flush.requests) request.complete(null);
  }

  /** Who waits for the next flush is told as well, for it would not find what this one has lost. */
  private flushFailed(flush: Flush): void {
    this.flushFailedAt = this.schedule.now;
    const told = [...flush.requests, ...this.waiting];
    this.waiting = [];
    for (const request of told) request.complete({ code: "medium-error", detail: "EIO" });
  }

  // --- ends ---------------------------------------------------------------------------------------------------------

  /** Its process is killed: what is under way reaches the cache or not, and nobody is told. */
  kill(): void {
    for (const request of this.pending) if (this.random.chance(0.5)) this.store(request);
    this.pending.clear();
    for (const block of this.flushing?.blocks ?? []) this.dirty.add(block);
    this.flushing = null;
    this.waiting = [];
  }

  /** Any part of the cache is lost; the rest is stable. */
  losePower(): void {
    this.kill();
    const kept = [...this.dirty].filter(() => this.random.chance(0.5));
    copyBlocks(this.image, this.stable, kept);
    this.dirty.clear();
    // This loses what a failed flush forgot as well.
    this.stable.copy(this.image);
  }

  /** What failed flushes forgot is in the cache after all. */
  findLost(): void {
    for (let block = 0; block < this.image.length / BLOCK_BYTES; block++) this.dirty.add(block);
  }

  /** Changes it as recovery does: at once, and without a fault. */
  redo(request: Omit<BlockRequest, "complete">): void {
    this.store(request);
  }

  /** The flush behind a recovery. */
  makeStable(): void {
    copyBlocks(this.image, this.stable, this.dirty);
    this.dirty.clear();
  }

  resize(_sizeBytes: number, done: (error: BlockError | null) => void): void {
    done(null);
  }

  extentAt(offset: number): Extent {
    return { offset, length: this.image.length - offset, data: true };
  }

  close(done: (error: BlockError | null) => void): void {
    done(null);
  }
}

function copyBlocks(from: Buffer, to: Buffer, blocks: Iterable<number>): void {
  for (const block of blocks) {
    const at = block * BLOCK_BYTES;
    from.copy(to, at, at, at + BLOCK_BYTES);
  }
}
