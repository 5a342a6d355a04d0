/**
 * Reads a segment of a journal from begin to end, in chunks, and says what is there: whole records, and what is there
 * instead (SPEC O3). Behind a broken header nothing is looked for: a host's data may look like records.
 */
import fs from "node:fs/promises";
import type { JournalItem } from "../journal/record.ts";
import {
  decodeHeader,
  emptyHeader,
  type FrameHeader,
  FrameKind,
  HEADER_BYTES,
  isNumbered,
  payloadMatches,
} from "../wire/frame.ts";
import { decodePayload, OpenPayload } from "../wire/stream-open.ts";

const CHUNK_BYTES = 2 ** 20;

/** Requests that a journal holds; copies never pass through it. */
const requestKinds: ReadonlySet<number> = new Set([
  FrameKind.write,
  FrameKind.zero,
  FrameKind.unmap,
  FrameKind.flush,
  FrameKind.void,
]);

/** `header` and `payload` are valid until the next one is asked for. */
export interface Scanned {
  readonly item: JournalItem;
  /** Bytes from the segment's begin. */
  readonly offset: number;
  /** Of the whole record; 0 where there is none. */
  readonly bytes: number;
  readonly header: FrameHeader;
  readonly payload: Buffer;
}

const nothing = Buffer.alloc(0);

/** A part of a file, read as it is needed. */
class FileWindow {
  /** Null where it could not be opened. */
  readonly #file: fs.FileHandle | null;
  readonly #size: number;
  #buffer: Buffer = nothing;
  #offset = 0;

  constructor(file: fs.FileHandle | null, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** `length` bytes at `offset`, where they are at hand. */
  held(offset: number, length: number): Buffer | null {
    const begin = offset - this.#offset;
    if (begin < 0 || begin + length > this.#buffer.length) return null;
    return this.#buffer.subarray(begin, begin + length);
  }

  /** Reads on from `offset`, at least `length` bytes, which the file has; null where that fails. */
  async fetch(offset: number, length: number): Promise<Buffer | null> {
    if (this.#file === null) return null;
    const ahead = Math.min(CHUNK_BYTES, this.#size - offset);
    const buffer = Buffer.allocUnsafe(Math.max(length, ahead));
    try {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, offset);
      if (bytesRead < length) return null;
      this.#buffer = buffer.subarray(0, bytesRead);
    } catch {
      return null;
    }
    this.#offset = offset;
    return this.#buffer.subarray(0, length);
  }
}

/** What a whole header with a matching payload, or without one, stands for. */
function itemOf(
  head: Buffer,
  header: FrameHeader,
  payload: Buffer,
  isWhole: boolean,
  lun: Buffer,
): JournalItem {
  const { kind, number, offset, length } = header;
  const stream = { hi: header.streamHi, lo: header.streamLo };
  if (lun.compare(head, 8, 24) !== 0) return { is: "foreign" };
  if (kind === FrameKind.stable) return { is: "stable", stream, number };
  if (kind === FrameKind.open) {
    const opening = isWhole ? decodePayload(OpenPayload, payload) : null;
    return opening === null ? { is: "unreadable" } : { is: "open", step: opening.step };
  }
  if (!isNumbered(kind) || !requestKinds.has(kind)) return { is: "foreign" };
  if (!isWhole) return { is: "damaged", stream, number, offset, length };
  const isVoid = kind === FrameKind.void;
  const changed = isVoid || kind === FrameKind.flush ? 0 : length;
  return { is: "record", stream, number, offset, length: changed, isVoid };
}

/** The items of a segment of `size` bytes. A record cut off by the end is `torn` in the last one only. */
export async function* scanSegment(
  path: string,
  size: number,
  isLast: boolean,
  lun: Buffer,
): AsyncGenerator<Scanned, void, void> {
  const file = await fs.open(path, "r").catch(() => null);
  try {
    const window = new FileWindow(file, size);
    const header = emptyHeader();
    const instead = (offset: number, is: "torn" | "unreadable"): Scanned => {
      return { item: { is }, offset, bytes: 0, header, payload: nothing };
    };
    const cutOff = isLast ? "torn" : "unreadable";
    for (let at = 0; at < size; ) {
      if (size - at < HEADER_BYTES) return yield instead(at, cutOff);
      const head = window.held(at, HEADER_BYTES) ?? (await window.fetch(at, HEADER_BYTES));
      if (head === null || decodeHeader(head, 0, header) !== null) {
        return yield instead(at, "unreadable");
      }
      const bytes = HEADER_BYTES + header.payloadLength;
      if (at + bytes > size) return yield instead(at, cutOff);
      const record = window.held(at, bytes) ?? (await window.fetch(at, bytes));
      if (record === null) return yield instead(at, "unreadable");
      const payload = record.subarray(HEADER_BYTES);
      const isWhole = payloadMatches(header, payload);
      const item = itemOf(record, header, payload, isWhole, lun);
      yield { item, offset: at, bytes, header, payload };
      if (item.is === "unreadable") return;
      at += bytes;
    }
  } finally {
    await file?.close();
  }
}
