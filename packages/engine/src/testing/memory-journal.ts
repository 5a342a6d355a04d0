/**
 * A journal in memory with the file's behaviour (SPEC O3, O4): what was appended outlives the LUN object that appended
 * it, what was not made stable is lost with the power, segments go when the mirror has applied all of them.
 */
import type { JournalError, LunJournal } from "../lun/ports.ts";
import {
  decodeHeader,
  emptyHeader,
  type FrameHeader,
  HEADER_BYTES,
  isNumbered,
} from "../wire/frame.ts";
import { formatStreamId, type StreamId } from "../wire/stream-id.ts";
import { MemoryJournalReader } from "./memory-journal-reader.ts";
import type { Random } from "./random.ts";
import type { Schedule } from "./schedule.ts";

const SEGMENT_BYTES = 4096;

/** One record, and where it stands. */
export interface MemoryRecord {
  stream: string;
  header: FrameHeader;
  /** Header and payload. */
  bytes: Buffer;
  segment: number;
  /** Counted as a request. */
  isRequest: boolean;
}

/** A moment of its history: a number of the stream that is the `turn`th in it. */
interface Position {
  turn: number;
  number: number;
}

export class MemoryJournal implements LunJournal {
  records: MemoryRecord[] = [];
  limitBytes: number;
  /** Share of appends and syncs that fail. */
  failing = 0;
  /** Nothing can be appended any more, until all is dropped. */
  hasFailed = false;
  /** Rises with each drop. */
  generation = 0;
  /** Rises with each restart: what was under way is not told any more. */
  life = 0;
  bytes = 0;
  requests = 0;
  readonly schedule: Schedule;
  private readonly random: Random;
  private turns: string[] = [];
  /** How many of the oldest records the mirror has applied. */
  private passedRecords = 0;
  private passed: Position = { turn: -1, number: 0 };
  /** Up to here nothing is held any more; null where that was before this start. */
  private gone: Position | null = null;
  private segment = 0;
  private segmentBytes = 0;
  /** How many of the oldest records are stable. */
  private stableRecords = 0;

  constructor(schedule: Schedule, random: Random, limitBytes: number) {
    this.schedule = schedule;
    this.random = random;
    this.limitBytes = limitBytes;
  }

  append(
    buffers: readonly Buffer[],
    firstNumber: number,
    _lastNumber: number,
    requests: number,
  ): JournalError | null {
    if (this.hasFailed) return "io-error";
    if (this.random.chance(this.failing)) {
      this.hasFailed = this.random.chance(0.5);
      return this.hasFailed ? "io-error" : "no-space";
    }
    const whole = Buffer.concat([...buffers]);
    if (requests > 0 && this.bytes + whole.length > this.limitBytes) return "full";
    if (this.segmentBytes > 0 && this.segmentBytes + whole.length > SEGMENT_BYTES) {
      this.beginSegment();
    }
    this.segmentBytes += whole.length;
    if (this.records.length === 0) this.gone = { turn: 0, number: Math.max(0, firstNumber - 1) };
    for (let at = 0; at < whole.length; ) at += this.appendOne(whole.subarray(at), requests > 0);
    return null;
  }

  /** Appends the record that `bytes` begin with; returns its length. */
  private appendOne(bytes: Buffer, isRequest: boolean): number {
    const header = emptyHeader();
    const fault = decodeHeader(bytes, 0, header);
    if (fault !== null) throw new Error(`a record is wrong: ${fault}`);
    const length = HEADER_BYTES + header.payloadLength;
    const stream = formatStreamId({ hi: header.streamHi, lo: header.streamLo });
    if (this.turns.at(-1) !== stream) this.turns.push(stream);
    const record = { stream, header, bytes: Buffer.from(bytes.subarray(0, length)) };
    this.records.push({ ...record, segment: this.segment, isRequest });
    this.bytes += length;
    if (isRequest) this.requests++;
    return length;
  }

  private beginSegment(): void {
    this.segment++;
    this.segmentBytes = 0;
  }

  sync(done: (error: JournalError | null) => void): void {
    const { life, generation } = this;
    const count = this.records.length;
    this.schedule.after(0.1 + this.random.next(), () => {
      if (life !== this.life) return;
      if (generation === this.generation) {
        if (this.random.chance(this.failing)) this.hasFailed = true;
        if (!this.hasFailed) this.stableRecords = Math.max(this.stableRecords, count);
      }
      done(this.hasFailed ? "io-error" : null);
    });
  }

  readerAfter(stream: StreamId, number: number): MemoryJournalReader {
    return new MemoryJournalReader(this, formatStreamId(stream), number);
  }

  turnOf(stream: string): number {
    return this.turns.lastIndexOf(stream);
  }

  reaches(stream: StreamId, number: number, last: number): boolean {
    const turn = this.turnOf(formatStreamId(stream));
    if (turn < 0) return number >= last;
    return this.gone === null || !isBefore({ turn, number }, this.gone);
  }

  trim(stream: StreamId, number: number): void {
    const turn = this.turnOf(formatStreamId(stream));
    if (turn < 0 || !isBefore(this.passed, { turn, number })) return;
    this.passed = { turn, number };
    for (let next = this.records[this.passedRecords]; next !== undefined; ) {
      if (isBefore(this.passed, this.positionOf(next))) break;
      this.bytes -= next.bytes.length;
      if (next.isRequest) this.requests--;
      next = this.records[++this.passedRecords];
    }
    this.dropSegments();
  }

  private positionOf({ stream, header }: MemoryRecord): Position {
    return { turn: this.turnOf(stream), number: header.number };
  }

  /** Segments that the mirror has applied go, but for the one that is appended to. */
  private dropSegments(): void {
    for (;;) {
      const oldest = this.records[0]?.segment;
      if (oldest === undefined || oldest === this.segment) return;
      const count = this.records.findIndex(({ segment }) => segment !== oldest);
      if (count < 0 || count > this.passedRecords) return;
      const own = this.records.splice(0, count).filter(({ header }) => isNumbered(header.kind));
      this.passedRecords -= count;
      this.stableRecords = Math.max(0, this.stableRecords - count);
      const ends = own.map((record) => this.positionOf(record));
      for (const end of ends) if (this.gone === null || isBefore(this.gone, end)) this.gone = end;
    }
  }

  drop(): void {
    this.generation++;
    this.records = [];
    this.hasFailed = false;
    this.stableRecords = 0;
    this.beginSegment();
    this.countAnew();
  }

  setLimit(bytes: number): void {
    this.limitBytes = bytes;
  }

  /** The process is killed and the journal opened again; with the power goes what was not made stable. */
  restart(withoutPower: boolean): void {
    this.life++;
    this.hasFailed = false;
    const unstable = this.records.length - this.stableRecords;
    if (withoutPower) this.records.splice(this.stableRecords + this.random.below(unstable + 1));
    this.beginSegment();
    this.countAnew();
  }

  private countAnew(): void {
    this.turns = [];
    this.passed = { turn: -1, number: 0 };
    this.passedRecords = 0;
    this.gone = null;
    this.bytes = 0;
    this.requests = 0;
    for (const { stream, bytes, isRequest } of this.records) {
      if (this.turns.at(-1) !== stream) this.turns.push(stream);
      this.bytes += bytes.length;
      if (isRequest) this.requests++;
    }
  }
}

function isBefore(a: Position, b: Position): boolean {
  return a.turn < b.turn || (a.turn === b.turn && a.number < b.number);
}
