/** Block requests as promises, for tests, with a count of how often each was completed. */
import { expect } from "vitest";
import type { BlockDevice, BlockError, BlockOperation, BlockRequest } from "../device.ts";

export interface Wish {
  readonly op: BlockOperation;
  readonly offset?: number;
  readonly length?: number;
  readonly buffer?: Buffer | null;
  readonly fua?: boolean;
}

/** Submits requests to one device, and knows at the end whether each was completed exactly once. */
export class Submitter {
  readonly device: BlockDevice;
  readonly #completions: number[] = [];

  constructor(device: BlockDevice) {
    this.device = device;
  }

  /** Requests not completed yet. */
  get outstanding(): number {
    return this.#completions.filter((count) => count === 0).length;
  }

  /** Carries out one request; resolves with its error or null. */
  carryOut(wish: Wish): Promise<BlockError | null> {
    const { op, offset = 0, buffer = null, fua = false } = wish;
    const length = wish.length ?? buffer?.length ?? 0;
    const index = this.#completions.push(0) - 1;
    return new Promise((resolve) => {
      const complete = (error: BlockError | null) => {
        this.#completions[index] = (this.#completions[index] ?? 0) + 1;
        resolve(error);
      };
      const request: BlockRequest = { op, offset, length, buffer, fua, complete };
      this.device.submit(request);
    });
  }

  /** The same, for what must succeed. */
  async must(wish: Wish): Promise<void> {
    expect(await this.carryOut(wish)).toBeNull();
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(length, 0xee);
    await this.must({ op: "read", offset, buffer });
    return buffer;
  }

  resize(sizeBytes: number): Promise<BlockError | null> {
    return new Promise((resolve) => this.device.resize(sizeBytes, resolve));
  }

  close(): Promise<BlockError | null> {
    return new Promise((resolve) => this.device.close(resolve));
  }

  /** Waits a few turns for what might come twice, then says whether anything did, or never came. */
  async expectEachCompletedOnce(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(this.#completions.every((count) => count === 1)).toBe(true);
  }
}

/** Bytes that tell blocks and fills apart: never zero. */
export function pattern(length: number, seed: number): Buffer {
  const buffer = Buffer.alloc(length);
  for (let at = 0; at < length; at++) buffer[at] = 1 + ((at + seed * 37 + (at >>> 9) * 7) % 255);
  return buffer;
}
