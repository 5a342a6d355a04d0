/**
 * Reads a journal in memory as the file's reader does: whole records in batches, also those appended meanwhile; what
 * does not follow the number before ends it with an error.
 */
import type { JournalError, JournalReader } from "../lun/ports.ts";
import { FrameKind, isNumbered } from "../wire/frame.ts";
import type { MemoryJournal, MemoryRecord } from "./memory-journal.ts";

const BATCH = 8;

type Done = (error: JournalError | null, records: Buffer | null) => void;

export class MemoryJournalReader implements JournalReader {
  private readonly journal: MemoryJournal;
  private readonly generation: number;
  private readonly life: number;
  private readonly fromTurn: number;
  private readonly fromNumber: number;
  /** What was read last. */
  private stream: string;
  private number: number;
  private last: MemoryRecord | null = null;
  private isClosed = false;

  constructor(journal: MemoryJournal, stream: string, number: number) {
    this.journal = journal;
    this.generation = journal.generation;
    this.life = journal.life;
    this.fromTurn = journal.turnOf(stream);
    this.fromNumber = number;
    this.stream = stream;
    this.number = number;
  }

  /** The end is told at once, as the file's reader does. */
  next(done: Done): void {
    if (this.generation !== this.journal.generation) {
      done("io-error", null);
      return;
    }
    const batch = this.batch();
    if (batch.length === 0) {
      done(null, null);
      return;
    }
    this.journal.schedule.after(0.05, () => {
      if (this.isClosed || this.life !== this.journal.life) return;
      if (this.generation !== this.journal.generation) done("io-error", null);
      else this.hand(batch, done);
    });
  }

  close(): void {
    this.isClosed = true;
  }

  private batch(): MemoryRecord[] {
    const { records } = this.journal;
    if (this.last === null) {
      const first = records.findIndex((record) => this.isBehindBegin(record));
      return first < 0 ? [] : records.slice(first, first + BATCH);
    }
    // Where the last one is trimmed, so is all before it.
    const from = records.indexOf(this.last) + 1;
    return records.slice(from, from + BATCH);
  }

  private isBehindBegin({ stream, header }: MemoryRecord): boolean {
    const turn = this.journal.turnOf(stream);
    return turn > this.fromTurn || (turn === this.fromTurn && header.number > this.fromNumber);
  }

  private hand(batch: readonly MemoryRecord[], done: Done): void {
    for (const record of batch) {
      this.last = record;
      if (isNumbered(record.header.kind) && !this.follows(record)) {
        done("io-error", null);
        return;
      }
    }
    done(null, Buffer.concat(batch.map(({ bytes }) => bytes)));
  }

  private follows({ stream, header: { kind, number } }: MemoryRecord): boolean {
    const expected = stream === this.stream ? this.number + 1 : 1;
    const isLateVoid = kind === FrameKind.void && stream === this.stream && number < expected;
    if (isLateVoid) return true;
    this.stream = stream;
    this.number = number;
    return number === expected;
  }
}
