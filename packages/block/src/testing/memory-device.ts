/**
 * A block device in memory, for tests: sparse pages of 4 KiB, completion at once or in a later turn of the event loop,
 * and a count of what a power loss would take (`unstableWrites`).
 */
import { CLOSED } from "../block-error.ts";
import type { BlockDevice, BlockError, BlockRequest, Extent } from "../device.ts";
import { rangeError } from "../range-check.ts";

const PAGE_BYTES = 4096;

export class MemoryDevice implements BlockDevice {
  readonly blockSize: number;
  #sizeBytes: number;
  #pages = new Map<number, Buffer>();
  #isClosed = false;
  #unstableWrites = 0;
  #underWay = 0;
  #closeWaiters: ((error: BlockError | null) => void)[] = [];
  readonly #completion: "at-once" | "later";

  constructor(sizeBytes: number, completion: "at-once" | "later" = "at-once", blockSize = 512) {
    this.#sizeBytes = sizeBytes;
    this.#completion = completion;
    this.blockSize = blockSize;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Changes since the last flush. */
  get unstableWrites(): number {
    return this.#unstableWrites;
  }

  allocatedBytes(): number {
    return this.#pages.size * PAGE_BYTES;
  }

  submit(request: BlockRequest): void {
    const error = this.#isClosed ? CLOSED : rangeError(request, this.blockSize, this.#sizeBytes);
    if (error === null) this.#carryOut(request);
    if (this.#completion === "at-once") {
      request.complete(error);
      return;
    }
    this.#underWay++;
    setImmediate(() => {
      this.#underWay--;
      request.complete(error);
      this.#endClose();
    });
  }

  #carryOut(request: BlockRequest): void {
    if (request.op === "flush" || request.fua) this.#unstableWrites = 0;
    else if (request.op !== "read") this.#unstableWrites++;
    if (request.op === "flush") return;
    const end = request.offset + request.length;
    for (let at = request.offset; at < end; ) {
      const page = Math.floor(at / PAGE_BYTES);
      const inPage = at - page * PAGE_BYTES;
      const length = Math.min(PAGE_BYTES - inPage, end - at);
      this.#touch(request, page, inPage, at - request.offset, length);
      at += length;
    }
  }

  #touch(request: BlockRequest, page: number, inPage: number, at: number, length: number): void {
    const held = this.#pages.get(page);
    if (request.op === "read") {
      if (held) held.copy(request.buffer as Buffer, at, inPage, inPage + length);
      else request.buffer?.fill(0, at, at + length);
      return;
    }
    if (request.op === "unmap" && length === PAGE_BYTES) {
      this.#pages.delete(page);
      return;
    }
    if (request.op === "unmap" && !held) return;
    const target = held ?? Buffer.alloc(PAGE_BYTES);
    if (request.op === "write") request.buffer?.copy(target, inPage, at, at + length);
    else target.fill(0, inPage, inPage + length);
    this.#pages.set(page, target);
  }

  resize(sizeBytes: number, done: (error: BlockError | null) => void): void {
    if (this.#isClosed) {
      done(CLOSED);
      return;
    }
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % this.blockSize !== 0) {
      done({ code: "out-of-range", detail: `${sizeBytes} bytes are not whole blocks` });
      return;
    }
    for (const [page, held] of this.#pages) {
      const kept = sizeBytes - page * PAGE_BYTES;
      if (kept <= 0) this.#pages.delete(page);
      else if (kept < PAGE_BYTES) held.fill(0, kept);
    }
    this.#sizeBytes = sizeBytes;
    done(null);
  }

  extentAt(offset: number): Extent {
    const end = this.#sizeBytes;
    if (!(offset >= 0 && offset < end)) throw new Error(`no extent at ${offset} of ${end} bytes`);
    let page = Math.floor(offset / PAGE_BYTES);
    const data = this.#pages.has(page);
    while (page * PAGE_BYTES < end && this.#pages.has(page) === data) page++;
    return { offset, length: Math.min(page * PAGE_BYTES, end) - offset, data };
  }

  close(done: (error: BlockError | null) => void): void {
    this.#isClosed = true;
    this.#closeWaiters.push(done);
    this.#endClose();
  }

  #endClose(): void {
    if (!this.#isClosed || this.#underWay > 0) return;
    for (const waiter of this.#closeWaiters.splice(0)) waiter(null);
  }
}
