/**
 * Zeroing and unmapping of ranges: fallocate where the file system or the block device can, else zeroes are written.
 * A range of any length may be asked for, so it is done in slices with a turn of the event loop between them; one
 * that fits a slice is done before the call returns.
 */
import fs from "node:fs";
import { blockErrorNamed, blockErrorOf } from "../block-error.ts";
import type { BlockError } from "../device.ts";
import { type ErrorName, punchHole, zeroRange } from "./system-calls.ts";

/** What one turn of the event loop does at most, in bytes: by fallocate, and where zeroes are written. */
const FALLOCATE_SLICE_BYTES = 256 * 2 ** 20;
const WRITE_SLICE_BYTES = 4 * 2 ** 20;

const zeroes = Buffer.alloc(2 ** 20);

/** What this backing turned out not to know; found out by trying, remembered from then on. */
export interface RangeAbilities {
  punch: boolean;
  zero: boolean;
}

/** The errors that mean "not this way here", not "the medium failed". EINVAL: a block device with larger sectors. */
function isUnable(error: ErrorName): boolean {
  return error === "EOPNOTSUPP" || error === "ENOSYS" || error === "ENOTTY" || error === "EINVAL";
}

/** Writes `buffer` whole at `position`: `writeSync` may write less than asked for. Throws the system's error. */
export function writeWhole(fd: number, buffer: Buffer, length: number, position: number): void {
  let written = 0;
  while (written < length) {
    try {
      written += fs.writeSync(fd, buffer, written, length - written, position + written);
    } catch (thrown) {
      if (!(thrown instanceof Error && "code" in thrown && thrown.code === "EINTR")) throw thrown;
    }
  }
}

function writeZeroes(fd: number, offset: number, length: number): BlockError | null {
  try {
    for (let done = 0; done < length; done += zeroes.length) {
      writeWhole(fd, zeroes, Math.min(zeroes.length, length - done), offset + done);
    }
    return null;
  } catch (thrown) {
    return blockErrorOf(thrown);
  }
}

export interface RangeWork {
  readonly fd: number;
  readonly kind: "zero" | "unmap";
  /** What is still to do. */
  offset: number;
  length: number;
  readonly abilities: RangeAbilities;
  /** Called once, perhaps before `workOnRange` returns. */
  readonly done: (error: BlockError | null) => void;
}

/** Does the next slice; returns the bytes done, or the error. */
function nextSlice(work: RangeWork): number | BlockError {
  const { fd, offset, abilities } = work;
  const isPunch = work.kind === "unmap" && abilities.punch;
  if (isPunch || abilities.zero) {
    const length = Math.min(work.length, FALLOCATE_SLICE_BYTES);
    const error = isPunch ? punchHole(fd, offset, length) : zeroRange(fd, offset, length);
    if (error === null) return length;
    if (!isUnable(error)) return blockErrorNamed(error, "fallocate");
    if (error !== "EINVAL") abilities[isPunch ? "punch" : "zero"] = false;
  }
  const length = Math.min(work.length, WRITE_SLICE_BYTES);
  return writeZeroes(fd, offset, length) ?? length;
}

export function workOnRange(work: RangeWork): void {
  const result = nextSlice(work);
  if (typeof result !== "number") {
    work.done(result);
    return;
  }
  work.offset += result;
  work.length -= result;
  if (work.length === 0) {
    work.done(null);
    return;
  }
  setImmediate(workOnRange, work);
}
