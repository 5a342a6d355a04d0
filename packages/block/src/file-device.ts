/**
 * A block device on a raw sparse image file or a block device path. Data goes to and comes from the page cache by
 * synchronous calls in the owner's thread, complete before `submit` returns (the thread pool would double their cost);
 * stable storage is a group commit in the thread pool. It holds the exclusive lock of its backing until closed.
 *
 * A failed flush is reported once, to all who wait for it at that moment, and remembered in `flushFailure`: later
 * flushes vouch only for what was written after it, so that the owner must treat everything written since the last
 * good flush as suspect (SPEC W7) until it has put that right and calls `flushFailureHandled`.
 */
import fs from "node:fs";
import { LOGICAL_BLOCK_BYTES } from "@lockstep/model";
import { blockErrorOf, CLOSED } from "./block-error.ts";
import type { BlockDevice, BlockError, BlockRequest, Extent } from "./device.ts";
import { GroupCommit } from "./io/group-commit.ts";
import { type RangeAbilities, workOnRange, writeWhole } from "./io/range-work.ts";
import { blockDeviceSize, seekData, seekHole } from "./io/system-calls.ts";
import { rangeError } from "./range-check.ts";

/** An open, locked backing, as the opening functions hand it over. */
export interface Backing {
  readonly fd: number;
  readonly path: string;
  readonly kind: "file" | "block-special";
  readonly sizeBytes: number;
}

type Done = (error: BlockError | null) => void;

export class FileDevice implements BlockDevice {
  readonly blockSize = LOGICAL_BLOCK_BYTES;
  readonly path: string;
  readonly kind: "file" | "block-special";
  readonly #fd: number;
  readonly #commit: GroupCommit;
  readonly #abilities: RangeAbilities = { punch: true, zero: true };
  #sizeBytes: number;
  #flushFailure: BlockError | null = null;
  /** Ranges being zeroed or unmapped in slices; a change of size waits for them. */
  #rangesUnderWay = 0;
  #resizes: (() => void)[] = [];
  #state: "open" | "closing" | "closed" = "open";
  #closeWaiters: Done[] = [];
  #closeError: BlockError | null = null;

  /** Takes over an open and locked backing. */
  constructor(backing: Backing) {
    this.path = backing.path;
    this.kind = backing.kind;
    this.#fd = backing.fd;
    this.#sizeBytes = backing.sizeBytes;
    this.#commit = GroupCommit.ofFile(backing.fd, {
      failed: (error) => {
        this.#flushFailure = error;
      },
      idle: () => this.#continueWhenIdle(),
    });
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The latest flush that failed and was not handled yet, or null. */
  get flushFailure(): BlockError | null {
    return this.#flushFailure;
  }

  /** The owner has marked or repaired what the failed flush left in doubt. */
  flushFailureHandled(): void {
    this.#flushFailure = null;
  }

  /** Bytes that the backing takes on its medium; for a block device its size. */
  allocatedBytes(): number {
    return this.kind === "file" ? fs.fstatSync(this.#fd).blocks * 512 : this.#sizeBytes;
  }

  submit(request: BlockRequest): void {
    const refusal =
      this.#state === "open" ? rangeError(request, this.blockSize, this.#sizeBytes) : CLOSED;
    if (refusal !== null) {
      request.complete(refusal);
      return;
    }
    switch (request.op) {
      case "read":
        request.complete(this.#read(request));
        return;
      case "write":
        this.#completeChange(request, this.#write(request));
        return;
      case "zero":
      case "unmap":
        this.#changeRange(request, request.op);
        return;
      case "flush":
        this.#commit.request(request);
        return;
    }
  }

  #read(request: BlockRequest): BlockError | null {
    const { buffer, offset, length } = request;
    if (buffer === null) throw new Error("a read without a buffer");
    let done = 0;
    while (done < length) {
      try {
        const count = fs.readSync(this.#fd, buffer, done, length - done, offset + done);
        if (count === 0) {
          return { code: "medium-error", detail: "the backing ends before the device does" };
        }
        done += count;
      } catch (thrown) {
        if (thrown instanceof Error && "code" in thrown && thrown.code === "EINTR") continue;
        return blockErrorOf(thrown);
      }
    }
    return null;
  }

  #write(request: BlockRequest): BlockError | null {
    if (request.buffer === null) throw new Error("a write without a buffer");
    try {
      writeWhole(this.#fd, request.buffer, request.length, request.offset);
      return null;
    } catch (thrown) {
      return blockErrorOf(thrown);
    }
  }

  #completeChange(request: BlockRequest, error: BlockError | null): void {
    if (error === null && request.fua) this.#commit.request(request);
    else request.complete(error);
  }

  #changeRange(request: BlockRequest, kind: "zero" | "unmap"): void {
    if (request.length === 0) {
      this.#completeChange(request, null);
      return;
    }
    this.#rangesUnderWay++;
    workOnRange({
      fd: this.#fd,
      kind,
      offset: request.offset,
      length: request.length,
      abilities: this.#abilities,
      done: (error) => {
        this.#rangesUnderWay--;
        this.#completeChange(request, error);
        this.#continueWhenIdle();
      },
    });
  }

  /** The new size is stable when `done` is called. A block device's size is its own: asked for, it can only agree. */
  resize(sizeBytes: number, done: Done): void {
    if (this.#state !== "open") {
      done(CLOSED);
      return;
    }
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % this.blockSize !== 0) {
      done({ code: "out-of-range", detail: `${sizeBytes} bytes are not whole blocks` });
      return;
    }
    this.#resizes.push(() => {
      const error = this.kind === "file" ? this.#truncate(sizeBytes) : this.#agree(sizeBytes);
      if (error !== null) return done(error);
      this.#sizeBytes = sizeBytes;
      this.#commit.request({ complete: done });
    });
    this.#continueWhenIdle();
  }

  #truncate(sizeBytes: number): BlockError | null {
    try {
      fs.ftruncateSync(this.#fd, sizeBytes);
      return null;
    } catch (thrown) {
      return blockErrorOf(thrown);
    }
  }

  #agree(sizeBytes: number): BlockError | null {
    const actual = blockDeviceSize(this.#fd);
    if (actual === sizeBytes) return null;
    const detail = `the block device has ${actual} bytes, not ${sizeBytes}`;
    return { code: "out-of-range", detail };
  }

  /** Where the file system tells holes from data; else, and on block devices, all is data. */
  extentAt(offset: number): Extent {
    const end = this.#sizeBytes;
    if (!(offset >= 0 && offset < end)) throw new Error(`no extent at ${offset} of ${end} bytes`);
    const allData: Extent = { offset, length: end - offset, data: true };
    if (this.kind !== "file" || this.#state === "closed") return allData;
    const data = seekData(this.#fd, offset);
    if (data === "ENXIO") return { offset, length: end - offset, data: false };
    if (typeof data !== "number") return allData;
    if (data > offset) return { offset, length: Math.min(data, end) - offset, data: false };
    const hole = seekHole(this.#fd, offset);
    return typeof hole === "number" && hole > offset && hole < end
      ? { offset, length: hole - offset, data: true }
      : allData;
  }

  /** Does not flush: what was not flushed before is as safe as the page cache. */
  close(done: Done): void {
    if (this.#state === "closed") {
      done(this.#closeError);
      return;
    }
    this.#closeWaiters.push(done);
    this.#state = "closing";
    this.#continueWhenIdle();
  }

  #continueWhenIdle(): void {
    if (this.#rangesUnderWay > 0) return;
    for (let resize = this.#resizes.shift(); resize; resize = this.#resizes.shift()) resize();
    if (this.#state !== "closing" || !this.#commit.idle) return;
    this.#state = "closed";
    try {
      fs.closeSync(this.#fd);
    } catch (thrown) {
      this.#closeError = blockErrorOf(thrown);
    }
    const waiters = this.#closeWaiters;
    this.#closeWaiters = [];
    for (const waiter of waiters) waiter(this.#closeError);
  }
}
