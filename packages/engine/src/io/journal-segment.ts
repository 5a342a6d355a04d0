/**
 * One file of a journal: records one behind the other, appended whole or not at all. The descriptor stays open as long
 * as anyone holds it (the journal while it appends, a sync under way); the last one to release it closes it in the
 * thread pool, where the space of a removed file is given back as well.
 */
import fs from "node:fs";
import path from "node:path";
import type { JournalError } from "../lun/ports.ts";

const NAME = /^[0-9a-f]{16}\.seg$/;
const FILE_MODE = 0o600;

/** The segments in a folder, in order. */
export function segmentNumbers(folder: string): number[] {
  return fs
    .readdirSync(folder)
    .filter((name) => NAME.test(name))
    .map((name) => Number.parseInt(name, 16))
    .sort((a, b) => a - b);
}

export function segmentPath(folder: string, sequence: number): string {
  return path.join(folder, `${sequence.toString(16).padStart(16, "0")}.seg`);
}

export function journalErrorOf(thrown: unknown): JournalError {
  if (!(thrown instanceof Error && "code" in thrown && "syscall" in thrown)) throw thrown;
  return thrown.code === "ENOSPC" || thrown.code === "EDQUOT" ? "no-space" : "io-error";
}

function closed(error: Error | null): void {
  if (error !== null) throw error;
}

/** What a segment holds up to its end: the turn of the stream, in the journal's count, and the highest number. */
export interface SegmentEnd {
  turn: number;
  number: number;
}

export class JournalSegment {
  readonly sequence: number;
  readonly path: string;
  readonly end: SegmentEnd = { turn: -1, number: 0 };
  /** Bytes of whole records. */
  size: number;
  /** Written to since the last sync began; counts as a holder, which the next sync takes over. */
  isUnsynced = false;
  #fd: number | null;
  #holders: number;

  private constructor(folder: string, sequence: number, fd: number | null, size: number) {
    this.sequence = sequence;
    this.path = segmentPath(folder, sequence);
    this.size = size;
    this.#fd = fd;
    this.#holders = fd === null ? 0 : 1;
  }

  /** A new, empty segment, held by the caller. Throws the system's error. */
  static create(folder: string, sequence: number): JournalSegment {
    const flags = fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL;
    const fd = fs.openSync(segmentPath(folder, sequence), flags, FILE_MODE);
    return new JournalSegment(folder, sequence, fd, 0);
  }

  /** A segment that recovery found, not held. */
  static found(folder: string, sequence: number, size: number): JournalSegment {
    return new JournalSegment(folder, sequence, null, size);
  }

  get fd(): number {
    if (this.#fd === null) throw new Error("the segment is not open");
    return this.#fd;
  }

  /** Opens the file where it isn't, and keeps it open until released. */
  hold(): void {
    this.#fd ??= fs.openSync(this.path, fs.constants.O_RDWR);
    this.#holders++;
  }

  release(): void {
    this.#holders--;
    if (this.#holders > 0 || this.#fd === null) return;
    const fd = this.#fd;
    this.#fd = null;
    fs.close(fd, closed);
  }

  /** Appends `bytes` bytes, all or nothing. "torn" where the nothing could not be made sure. */
  append(buffers: readonly Buffer[], bytes: number): JournalError | "torn" | null {
    try {
      let written = fs.writevSync(this.fd, buffers, this.size);
      while (written < bytes) {
        written += fs.writevSync(this.fd, behind(buffers, written), this.size + written);
      }
      this.size += bytes;
      if (!this.isUnsynced) this.hold();
      this.isUnsynced = true;
      return null;
    } catch (thrown) {
      const error = journalErrorOf(thrown);
      try {
        fs.ftruncateSync(this.fd, this.size);
        return error;
      } catch {
        return "torn";
      }
    }
  }

  /** Cuts off what is behind `size`, stable. The caller holds it. */
  cut(size: number): void {
    fs.ftruncateSync(this.fd, size);
    fs.fsyncSync(this.fd);
    this.size = size;
  }

  /** Takes the name away at once, the space when the last holder releases it, at the earliest in the thread pool. */
  remove(): void {
    const isHeld = this.#tryHold();
    fs.rmSync(this.path, { force: true });
    this.forgetUnsynced();
    if (isHeld) this.release();
  }

  /** What was written need not become stable any more. */
  forgetUnsynced(): void {
    if (!this.isUnsynced) return;
    this.isUnsynced = false;
    this.release();
  }

  #tryHold(): boolean {
    try {
      this.hold();
      return true;
    } catch {
      return false;
    }
  }
}

/** What is left of `buffers` behind the first `count` bytes. */
function behind(buffers: readonly Buffer[], count: number): Buffer[] {
  const rest: Buffer[] = [];
  let skip = count;
  for (const buffer of buffers) {
    if (skip < buffer.length) rest.push(buffer.subarray(skip));
    skip = Math.max(0, skip - buffer.length);
  }
  return rest;
}
