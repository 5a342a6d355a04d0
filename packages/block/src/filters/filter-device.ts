/** What all filters share: a block device that hands everything on to the one it wraps, as it is. */
import type { BlockDevice, BlockError, BlockRequest, Extent } from "../device.ts";

export abstract class FilterDevice implements BlockDevice {
  protected readonly inner: BlockDevice;

  constructor(inner: BlockDevice) {
    this.inner = inner;
  }

  get blockSize(): number {
    return this.inner.blockSize;
  }

  get sizeBytes(): number {
    return this.inner.sizeBytes;
  }

  abstract submit(request: BlockRequest): void;

  resize(sizeBytes: number, done: (error: BlockError | null) => void): void {
    this.inner.resize(sizeBytes, done);
  }

  extentAt(offset: number): Extent {
    return this.inner.extentAt(offset);
  }

  close(done: (error: BlockError | null) => void): void {
    this.inner.close(done);
  }
}
