/**
 * A LUN's journal on files (SPEC O3, O4): a folder of segments, appended to by one synchronous call for any number of
 * records, made stable by group commits in the thread pool, and read from behind while that goes on. A segment goes
 * when the mirror has applied all of it. What `append` accepted is there after `kill -9`; what was there when `sync`
 * was called, after its success, is there after a loss of power.
 */
import fs from "node:fs";
import path from "node:path";
import { type BlockError, GroupCommit } from "@lockstep/block";
import { JournalLedger } from "../journal/ledger.ts";
import type { JournalError, LunJournal } from "../lun/ports.ts";
import { decodeHeader, emptyHeader, FrameKind } from "../wire/frame.ts";
import type { StreamId } from "../wire/stream-id.ts";
import { FileJournalReader, type ReaderSource } from "./journal-reader.ts";
import {
  JournalSegment,
  journalErrorOf,
  type SegmentEnd,
  segmentNumbers,
} from "./journal-segment.ts";

/** Most bytes of a segment; with a small limit, a quarter of that. What was replayed is freed in these steps. */
export const SEGMENT_BYTES = 64 * 2 ** 20;
const MIN_SEGMENT_BYTES = 2 ** 20;

export interface JournalOptions {
  /** The LUN's own folder; made where it is missing. */
  readonly folder: string;
  readonly limitBytes: number;
}

/** What recovery hands over: the segments, of which the last is appended to, and what they owe. */
export interface FoundJournal {
  readonly segments: JournalSegment[];
  readonly ledger: JournalLedger;
  /** What the last stable record said. */
  readonly stable: SegmentEnd | null;
}

export class JournalFile implements LunJournal, ReaderSource {
  readonly #folder: string;
  readonly #folderFd: number;
  readonly #commit: GroupCommit;
  readonly #header = emptyHeader();
  #limitBytes: number;
  #segments: JournalSegment[];
  #ledger: JournalLedger;
  #nextSequence: number;
  /** Names were added or taken away since the folder was made stable. */
  #isFolderUnsynced = true;
  /** Nothing can be appended any more, until all is dropped. */
  #hasFailed = false;
  /** What the last stable record said; segments ahead of it stay, for the local copy may need them (SPEC O3). */
  #stable: SegmentEnd | null;
  /** Up to here nothing is held any more; null where that is not known, since it was before this start. */
  #gone: SegmentEnd | null = null;
  #generation = 0;
  /** Of the sync under way. */
  #syncedGeneration = 0;
  #onIdle: (() => void) | null = null;

  private constructor(options: JournalOptions, found: FoundJournal, nextSequence: number) {
    this.#folder = options.folder;
    this.#limitBytes = options.limitBytes;
    this.#segments = found.segments;
    this.#ledger = found.ledger;
    this.#stable = found.stable;
    this.#nextSequence = nextSequence;
    const { O_RDONLY, O_DIRECTORY } = fs.constants;
    this.#folderFd = fs.openSync(options.folder, O_RDONLY | O_DIRECTORY);
    this.#commit = new GroupCommit((done) => this.#synchronize(done), {
      failed: () => {
        if (this.#syncedGeneration === this.#generation) this.#hasFailed = true;
      },
      idle: () => this.#onIdle?.(),
    });
  }

  /** An empty journal: what the folder holds is dropped. */
  static fresh(options: JournalOptions): JournalFile {
    makeFolder(options.folder);
    const sequences = segmentNumbers(options.folder);
    for (const sequence of sequences) JournalSegment.found(options.folder, sequence, 0).remove();
    const found = { segments: [], ledger: new JournalLedger(), stable: null };
    return new JournalFile(options, found, (sequences.at(-1) ?? 0) + 1);
  }

  /**
   * A journal that can't be gone on with: refuses everything until dropped. The files stay that long, so that whoever
   * drops it can first make stable what stands in its place (SPEC O4).
   */
  static unusable(options: JournalOptions): JournalFile {
    makeFolder(options.folder);
    const sequences = segmentNumbers(options.folder);
    const segments = sequences.map((n) => JournalSegment.found(options.folder, n, 0));
    const found = { segments, ledger: new JournalLedger(), stable: null };
    const journal = JournalFile.continued(options, found, (sequences.at(-1) ?? 0) + 1);
    journal.#hasFailed = true;
    return journal;
  }

  /** Goes on behind what recovery found usable. */
  static continued(
    options: JournalOptions,
    found: FoundJournal,
    nextSequence: number,
  ): JournalFile {
    found.segments.at(-1)?.hold();
    return new JournalFile(options, found, nextSequence);
  }

  /** What the mirror has not applied, to a mebibyte; the files may hold one segment more. */
  get bytes(): number {
    return this.#ledger.bytes;
  }

  get requests(): number {
    return this.#ledger.requests;
  }

  get limitBytes(): number {
    return this.#limitBytes;
  }

  setLimit(bytes: number): void {
    this.#limitBytes = bytes;
  }

  /**
   * Appends records of one stream. `buffers` begins with a header; marks (`requests` 0) may pass the limit. The bytes
   * counted are those of the buffers.
   */
  append(
    buffers: readonly Buffer[],
    firstNumber: number,
    lastNumber: number,
    requests: number,
  ): JournalError | null {
    let bytes = 0;
    for (const buffer of buffers) bytes += buffer.length;
    if (this.#hasFailed) return "io-error";
    if (requests > 0 && this.#ledger.bytes + bytes > this.#limitBytes) return "full";
    const segment = this.#segmentFor(bytes);
    if (typeof segment === "string") return segment;
    const error = segment.append(buffers, bytes);
    if (error !== null) {
      if (error === "torn") this.#hasFailed = true;
      return error === "torn" ? "io-error" : error;
    }
    this.#count(segment, buffers[0] as Buffer, firstNumber, lastNumber, requests, bytes);
    return null;
  }

  #count(
    segment: JournalSegment,
    first: Buffer,
    firstNumber: number,
    lastNumber: number,
    requests: number,
    bytes: number,
  ): void {
    const hi = first.readUInt32LE(24);
    const lo = first.readUInt32LE(28);
    if (first[4] === FrameKind.stable) {
      decodeHeader(first, 0, this.#header);
      this.#stable = { turn: this.#ledger.turnOf(hi, lo), number: this.#header.number };
      this.#ledger.count(0, requests, bytes);
      return;
    }
    const wasEmpty = this.#ledger.turn < 0;
    this.#ledger.append(hi, lo, lastNumber, requests, bytes);
    if (wasEmpty) this.#gone = { turn: 0, number: Math.max(0, firstNumber - 1) };
    const { end } = segment;
    end.number = end.turn === this.#ledger.turn ? Math.max(end.number, lastNumber) : lastNumber;
    end.turn = this.#ledger.turn;
  }

  /** The segment to append to, a new one where the last is full. */
  #segmentFor(bytes: number): JournalSegment | JournalError {
    const current = this.#segments.at(-1);
    const quarter = Math.max(this.#limitBytes / 4, MIN_SEGMENT_BYTES);
    const isRoomy =
      current && (current.size === 0 || current.size + bytes <= Math.min(SEGMENT_BYTES, quarter));
    if (isRoomy) return current;
    try {
      const created = JournalSegment.create(this.#folder, this.#nextSequence);
      this.#nextSequence++;
      this.#isFolderUnsynced = true;
      this.#segments.push(created);
      current?.release();
      return created;
    } catch (thrown) {
      return journalErrorOf(thrown);
    }
  }

  /** Calls back once all appended so far, and the names of the files, are stable. A failure spoils the journal. */
  sync(done: (error: JournalError | null) => void): void {
    if (this.#hasFailed) {
      queueMicrotask(() => done("io-error"));
      return;
    }
    this.#commit.request({
      complete: (error) => done(error === null ? null : asJournalError(error)),
    });
  }

  #synchronize(done: (error: Error | null) => void): void {
    const unsynced = this.#segments.filter((segment) => segment.isUnsynced);
    for (const segment of unsynced) segment.isUnsynced = false;
    this.#syncedGeneration = this.#generation;
    const next = (failed: Error | null): void => {
      const segment = unsynced.shift();
      if (segment !== undefined) {
        fs.fdatasync(segment.fd, (error) => {
          segment.release();
          next(failed ?? error);
        });
      } else if (failed === null && this.#isFolderUnsynced) {
        this.#isFolderUnsynced = false;
        fs.fsync(this.#folderFd, done);
      } else {
        done(failed);
      }
    };
    next(null);
  }

  readerAfter(stream: StreamId, number: number): FileJournalReader {
    return new FileJournalReader(this, stream, number);
  }

  reaches(stream: StreamId, number: number, last: number): boolean {
    const turn = this.turnOf(stream);
    if (turn < 0) return number >= last;
    const gone = this.#gone;
    return gone === null || turn > gone.turn || (turn === gone.turn && number >= gone.number);
  }

  trim(stream: StreamId, number: number): void {
    this.#ledger.pass(stream.hi, stream.lo, number);
    let oldest = this.#segments[0];
    while (this.#segments.length > 1 && oldest !== undefined && this.#isDone(oldest)) {
      this.#segments.shift();
      this.#gone = { ...oldest.end };
      oldest.remove();
      this.#isFolderUnsynced = true;
      oldest = this.#segments[0];
    }
  }

  #isDone({ end }: JournalSegment): boolean {
    if (!this.#ledger.isPassed(end.turn, end.number)) return false;
    const stable = this.#stable;
    if (stable === null) return true;
    return end.turn < stable.turn || (end.turn === stable.turn && end.number <= stable.number);
  }

  /** Forgets everything; the names are gone when it returns, and stable with the next sync. */
  drop(): void {
    this.#generation++;
    for (const segment of this.#segments) segment.remove();
    this.#segments.at(-1)?.release();
    this.#segments = [];
    this.#ledger = new JournalLedger();
    this.#stable = null;
    this.#gone = null;
    this.#hasFailed = false;
    this.#isFolderUnsynced = true;
  }

  /** Releases the files, which stay, once no sync is under way. */
  close(done: () => void): void {
    const release = () => {
      this.#onIdle = null;
      this.#generation++;
      for (const segment of this.#segments) segment.forgetUnsynced();
      this.#segments.at(-1)?.release();
      this.#segments = [];
      fs.close(this.#folderFd, () => done());
    };
    if (this.#commit.idle) release();
    else this.#onIdle = release;
  }

  // --- for readers ---

  get generation(): number {
    return this.#generation;
  }

  turnOf(stream: StreamId): number {
    return this.#ledger.turnOf(stream.hi, stream.lo);
  }

  segmentAfter(sequence: number): JournalSegment | undefined {
    return this.#segments.find((segment) => segment.sequence > sequence);
  }

  /** The first segment that holds anything behind `number` of the stream. */
  segmentBehind(turn: number, number: number): JournalSegment | undefined {
    return this.#segments.find(
      ({ end }) => end.turn > turn || (end.turn === turn && end.number > number),
    );
  }
}

function asJournalError(error: BlockError): JournalError {
  return error.code === "no-space" ? "no-space" : "io-error";
}

/** Makes the LUN's folder where it is missing, its name stable. */
export function makeFolder(folder: string): void {
  const made = fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (made === undefined) return;
  syncFolder(path.dirname(folder));
  syncFolder(path.dirname(made));
}

export function syncFolder(folder: string): void {
  const fd = fs.openSync(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
