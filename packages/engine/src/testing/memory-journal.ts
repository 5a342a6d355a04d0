/** A journal in memory with the file's behaviour: what was appended outlives the LUN object that appended it. */

import type { JournalError, JournalReader, LunJournal } from "../lun/ports.ts";
import {
  decodeHeader,
  emptyHeader,
  type FrameKind,
  HEADER_BYTES,
  isNumbered,
} from "../wire/frame.ts";
import { formatStreamId, type StreamId } from "../wire/stream-id.ts";
import type { Schedule } from "./schedule.ts";

interface Entry {
  stream: string;
  number: number;
  kind: FrameKind;
  bytes: Buffer;
}

export class MemoryJournal implements LunJournal {
  entries: Entry[] = [];
  bytes = 0;
  limitBytes: number;
  /** The next append fails so. */
  failNext: JournalError | null = null;
  private drops = 0;
  private readonly schedule: Schedule;

  constructor(schedule: Schedule, limitBytes: number) {
    this.schedule = schedule;
    this.limitBytes = limitBytes;
  }

  get requests(): number {
    return this.entries.filter((entry) => isNumbered(entry.kind)).length;
  }

  append(buffers: readonly Buffer[]): JournalError | null {
    const failure = this.failNext;
    this.failNext = null;
    if (failure !== null) return failure;
    const whole = Buffer.concat([...buffers]);
    if (this.bytes + whole.length > this.limitBytes) return "full";
    this.bytes += whole.length;
    const header = emptyHeader();
    for (let at = 0; at < whole.length; ) {
      const fault = decodeHeader(whole, at, header);
      if (fault !== null) throw new Error(`a record is wrong: ${fault}`);
      const end = at + HEADER_BYTES + header.payloadLength;
      const stream = formatStreamId({ hi: header.streamHi, lo: header.streamLo });
      const bytes = Buffer.from(whole.subarray(at, end));
      this.entries.push({ stream, number: header.number, kind: header.kind, bytes });
      at = end;
    }
    return null;
  }

  sync(done: (error: JournalError | null) => void): void {
    this.schedule.after(0.1, () => done(null));
  }

  readerAfter(stream: StreamId, number: number): JournalReader {
    const name = formatStreamId(stream);
    const dropped = this.drops;
    // What the mirror has stands before; a stream that is not in the journal ended before its first record.
    let next =
      this.entries.findLastIndex((entry) => entry.stream === name && entry.number <= number) + 1;
    return {
      next: (done) => {
        this.schedule.after(0.05, () => {
          if (dropped !== this.drops) return;
          const batch = this.entries.slice(next, next + 8);
          next += batch.length;
          done(null, batch.length === 0 ? null : Buffer.concat(batch.map((entry) => entry.bytes)));
        });
      },
      close: () => undefined,
    };
  }

  reaches(stream: StreamId, number: number, last: number): boolean {
    const name = formatStreamId(stream);
    const first = this.entries.find((entry) => entry.stream === name && isNumbered(entry.kind));
    return first === undefined ? number >= last : first.number <= number + 1;
  }

  trim(): void {
    // The file's segments are longer than any test's journal: nothing is let go before all is.
  }

  drop(): void {
    this.drops++;
    this.entries = [];
    this.bytes = 0;
  }

  setLimit(bytes: number): void {
    this.limitBytes = bytes;
  }
}
