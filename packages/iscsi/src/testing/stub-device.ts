/** A block device in memory whose completions a test can hold back, fail, and release one by one. */
import type { BlockDevice, BlockError, BlockRequest, Extent } from "@lockstep/block";

export class StubDevice implements BlockDevice {
  readonly blockSize = 512;
  bytes: Buffer;
  /** While true, requests wait in `held` until `release`. */
  holding = false;
  readonly held: BlockRequest[] = [];
  /** The error of the next requests, or null. */
  failWith: BlockError | null = null;
  /** What was asked, in order: operation, offset, length, fua. */
  readonly log: string[] = [];

  constructor(sizeBytes: number) {
    this.bytes = Buffer.alloc(sizeBytes);
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  submit(request: BlockRequest): void {
    const { op, offset, length, fua } = request;
    this.log.push(`${op} ${offset} ${length}${fua ? " fua" : ""}`);
    if (this.holding) this.held.push(request);
    else this.#carryOut(request);
  }

  /** Carries out all that is held. */
  release(): void {
    this.holding = false;
    for (const request of this.held.splice(0)) this.#carryOut(request);
  }

  #carryOut(request: BlockRequest): void {
    const { op, offset, length, buffer } = request;
    if (this.failWith === null) {
      if (op === "write") buffer?.copy(this.bytes, offset, 0, length);
      else if (op === "read") this.bytes.copy(buffer as Buffer, 0, offset, offset + length);
      else this.bytes.fill(0, offset, offset + length);
    }
    request.complete(this.failWith);
  }

  resize(sizeBytes: number, done: (error: BlockError | null) => void): void {
    const bytes = Buffer.alloc(sizeBytes);
    this.bytes.copy(bytes);
    this.bytes = bytes;
    done(null);
  }

  extentAt(offset: number): Extent {
    return { offset, length: this.sizeBytes - offset, data: true };
  }

  close(done: (error: BlockError | null) => void): void {
    done(null);
  }
}
