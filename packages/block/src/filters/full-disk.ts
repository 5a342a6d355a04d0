/**
 * A filter that plays a disk with little room left: what would turn holes into data beyond `freeBytes` fails with
 * "no-space" before it changes anything, while what overwrites data goes on, as on a thin disk. Unmapping gives room
 * back. It counts in the 4 KiB blocks of the file systems it stands for.
 */
import { PHYSICAL_BLOCK_BYTES } from "@lockstep/model";
import type { BlockDevice, BlockError, BlockRequest } from "../device.ts";
import { FilterDevice } from "./filter-device.ts";

const FULL: BlockError = { code: "no-space", detail: "full disk (injected)" };

const down = (bytes: number) => Math.floor(bytes / PHYSICAL_BLOCK_BYTES) * PHYSICAL_BLOCK_BYTES;
const up = (bytes: number) => Math.ceil(bytes / PHYSICAL_BLOCK_BYTES) * PHYSICAL_BLOCK_BYTES;

export class FullDiskFilter extends FilterDevice {
  /** How much may still be allocated; Infinity (as at first) is a disk with room. */
  freeBytes = Number.POSITIVE_INFINITY;

  constructor(inner: BlockDevice) {
    super(inner);
  }

  override submit(request: BlockRequest): void {
    const { op, offset, length } = request;
    const end = offset + length;
    const isCounted = this.freeBytes !== Number.POSITIVE_INFINITY && end <= this.sizeBytes;
    if (isCounted && (op === "write" || op === "zero")) {
      const needed = this.#bytesBetween(down(offset), Math.min(up(end), this.sizeBytes), false);
      if (needed > this.freeBytes) {
        request.complete(FULL);
        return;
      }
      this.freeBytes -= needed;
    }
    if (isCounted && op === "unmap") {
      this.freeBytes += this.#bytesBetween(up(offset), down(end), true);
    }
    this.inner.submit(request);
  }

  /** How much of a range is data, or hole. */
  #bytesBetween(begin: number, end: number, data: boolean): number {
    let sum = 0;
    for (let at = begin; at < end; ) {
      const extent = this.inner.extentAt(at);
      const length = Math.min(extent.length, end - at);
      if (extent.data === data) sum += length;
      at += length;
    }
    return sum;
  }
}
