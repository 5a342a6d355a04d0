/**
 * Reads a journal in order, in chunks of whole records, also those appended while it reads (SPEC O6). One chunk is read
 * ahead of the asker, never more. Each record's checksums and number are checked: what is handed on is an unbroken run,
 * and anything else ends the reader with an error.
 */
import fs from "node:fs";
import type { JournalError, JournalReader } from "../lun/ports.ts";
import {
  decodeHeader,
  emptyHeader,
  type FrameHeader,
  FrameKind,
  HEADER_BYTES,
  isNumbered,
  payloadMatches,
} from "../wire/frame.ts";
import type { StreamId } from "../wire/stream-id.ts";
import type { JournalSegment } from "./journal-segment.ts";

/** What is read at once, unless one record is longer. */
export const CHUNK_BYTES = 2 ** 20;

/** The journal, as its readers see it. */
export interface ReaderSource {
  /** Changes when everything is dropped. */
  readonly generation: number;
  turnOf(stream: StreamId): number;
  segmentAfter(sequence: number): JournalSegment | undefined;
  segmentBehind(turn: number, number: number): JournalSegment | undefined;
}

type Done = (error: JournalError | null, records: Buffer | null) => void;

export class FileJournalReader implements JournalReader {
  readonly #source: ReaderSource;
  readonly #generation: number;
  readonly #header = emptyHeader();
  /** The last record handed on, or skipped. */
  #stream: StreamId;
  #number: number;
  /** Turn of the stream to begin in; -1 where the journal holds nothing of it. */
  readonly #fromTurn: number;
  #isSkipping = true;
  #segment: JournalSegment | null = null;
  #fd: number | null = null;
  #position = 0;
  #done: Done | null = null;
  #isReading = false;
  #isClosed = false;

  /** Begins with the record after `number` of `stream`. */
  constructor(source: ReaderSource, stream: StreamId, number: number) {
    this.#source = source;
    this.#generation = source.generation;
    this.#stream = stream;
    this.#number = number;
    this.#fromTurn = source.turnOf(stream);
  }

  /** One call at a time. `done` may be called before it returns when the end is reached; never after `close`. */
  next(done: Done): void {
    if (this.#done !== null) throw new Error("the reader is asked twice at once");
    if (this.#isClosed) return;
    this.#done = done;
    this.#advance();
  }

  close(): void {
    this.#isClosed = true;
    this.#done = null;
    this.#closeFile();
  }

  #finish(error: JournalError | null, records: Buffer | null): void {
    const done = this.#done;
    this.#done = null;
    done?.(error, records);
  }

  #advance(): void {
    if (this.#source.generation !== this.#generation) {
      this.#finish("io-error", null);
      return;
    }
    if (!this.#reachSegment()) return;
    const segment = this.#segment;
    if (segment === null || this.#position >= segment.size) {
      this.#finish(null, null);
      return;
    }
    this.#read(Math.min(CHUNK_BYTES, segment.size - this.#position));
  }

  /** Moves to the segment that holds what is next. False where its file could not be opened. */
  #reachSegment(): boolean {
    const present = this.#segment;
    if (present !== null && this.#position < present.size) return true;
    const next =
      present === null
        ? this.#source.segmentBehind(this.#fromTurn, this.#number)
        : this.#source.segmentAfter(present.sequence);
    if (next === undefined) return true;
    this.#closeFile();
    try {
      this.#fd = fs.openSync(next.path, fs.constants.O_RDONLY);
    } catch {
      this.#finish("io-error", null);
      return false;
    }
    this.#segment = next;
    this.#position = 0;
    return true;
  }

  #read(length: number): void {
    const buffer = Buffer.allocUnsafeSlow(length);
    this.#isReading = true;
    fs.read(this.#fd as number, buffer, 0, length, this.#position, (error, count) => {
      this.#isReading = false;
      if (this.#isClosed) this.#closeFile();
      else if (error !== null || count < length) this.#finish("io-error", null);
      else this.#deliver(buffer);
    });
  }

  #deliver(buffer: Buffer): void {
    let begin = 0;
    let at = 0;
    while (at < buffer.length) {
      const length = this.#wholeLength(buffer, at);
      if (length === null) {
        this.#finish("io-error", null);
        return;
      }
      if (at + length > buffer.length) {
        if (at > 0) break;
        this.#read(length);
        return;
      }
      const fits = this.#follow(buffer, at, length);
      if (fits === "broken") {
        this.#finish("io-error", null);
        return;
      }
      at += length;
      if (fits === "skip") begin = at;
    }
    this.#position += at;
    if (begin === at) this.#advance();
    else this.#finish(null, buffer.subarray(begin, at));
  }

  /** Length of the record at `at`, the rest of the buffer where its header is cut; null where it is broken. */
  #wholeLength(buffer: Buffer, at: number): number | null {
    if (buffer.length - at < HEADER_BYTES) return at === 0 ? null : buffer.length - at + 1;
    if (decodeHeader(buffer, at, this.#header) !== null) return null;
    return HEADER_BYTES + this.#header.payloadLength;
  }

  #follow(buffer: Buffer, at: number, length: number): "take" | "skip" | "broken" {
    const payload = buffer.subarray(at + HEADER_BYTES, at + length);
    if (!payloadMatches(this.#header, payload)) return "broken";
    return this.#isSkipping ? this.#begin(this.#header) : this.#goOn(this.#header);
  }

  /** Skips what stands before the record to begin with. */
  #begin(header: FrameHeader): "take" | "skip" | "broken" {
    if (!isNumbered(header.kind)) return "skip";
    const stream = { hi: header.streamHi, lo: header.streamLo };
    const turn = this.#source.turnOf(stream);
    if (turn < this.#fromTurn) return "skip";
    if (turn === this.#fromTurn && header.number <= this.#number) return "skip";
    this.#isSkipping = false;
    return this.#goOn(header);
  }

  #goOn(header: FrameHeader): "take" | "broken" {
    if (!isNumbered(header.kind)) return "take";
    const isSame = header.streamLo === this.#stream.lo && header.streamHi === this.#stream.hi;
    const expected = isSame ? this.#number + 1 : 1;
    // A void for a record that stands before it.
    if (isSame && header.kind === FrameKind.void && header.number < expected) return "take";
    if (header.number !== expected) return "broken";
    if (!isSame) this.#stream = { hi: header.streamHi, lo: header.streamLo };
    this.#number = header.number;
    return "take";
  }

  #closeFile(): void {
    if (this.#fd === null || this.#isReading) return;
    fs.closeSync(this.#fd);
    this.#fd = null;
  }
}
