/**
 * One LUN on two servers, simulated: the production engine of both sides over disks, journal, marks and a wire in memory,
 * under one seeded schedule. Faults are methods; what a host was promised is remembered and checked.
 */
import type { BlockError, BlockRequest } from "@lockstep/block";
import { type LunMark, type MirrorMark, restore } from "../lun/mark.ts";
import { type AppliedNote, MirrorCopy } from "../lun/mirror-copy.ts";
import { MirroredLun, type RecoveredNumbers } from "../lun/mirrored-lun.ts";
import { encodeFrame, FrameKind, lunBytes } from "../wire/frame.ts";
import { FrameReader } from "../wire/frame-reader.ts";
import { formatStreamId, type StreamId } from "../wire/stream-id.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { MemoryJournal } from "./memory-journal.ts";
import { Random } from "./random.ts";
import { Schedule } from "./schedule.ts";

const UUID = "00000000-0000-4000-8000-00000000000a";
export const PAIR_BYTES = 64 * 512;

class Note implements AppliedNote {
  stream: StreamId | null = null;
  applied = 0;
  onSet: (() => void) | null = null;
  set(number: number): void {
    this.applied = number;
    this.onSet?.();
  }
  turn(stream: StreamId, number: number): void {
    this.stream = stream;
    this.applied = number;
  }
}

export interface HostWrite {
  request: BlockRequest;
  answered: boolean;
  error: BlockError | null;
  beganAt: number;
  answeredAt: number;
}

export class LunPair {
  readonly schedule = new Schedule();
  readonly random: Random;
  readonly primaryDisk: MemoryDisk;
  readonly mirrorDisk: MemoryDisk;
  readonly journal: MemoryJournal;
  readonly note = new Note();
  lun: MirroredLun;
  copy: MirrorCopy | null = null;
  mark: LunMark | null = null;
  mirrorMark: MirrorMark | null = null;
  /** Events that the LUN reported, by kind. */
  readonly events: string[] = [];
  writes: HostWrite[] = [];
  private connection = 0;
  private life = 0;

  constructor(seed: number, mode: "sync" | "async", journalLimit = 2 ** 20) {
    this.random = new Random(seed);
    this.primaryDisk = new MemoryDisk(this.schedule, this.random, Buffer.alloc(PAIR_BYTES));
    this.mirrorDisk = new MemoryDisk(this.schedule, this.random, Buffer.alloc(PAIR_BYTES));
    this.journal = new MemoryJournal(this.schedule, journalLimit);
    this.lun = this.newLun(mode);
    this.lun.startUnmirrored();
    this.tickSoon();
  }

  private newLun(mode: "sync" | "async"): MirroredLun {
    const life = ++this.life;
    return new MirroredLun({
      uuid: UUID,
      local: this.primaryDisk,
      journal: this.journal,
      marks: {
        write: (mark, done) =>
          this.schedule.after(0.2, () => {
            if (life !== this.life) return;
            this.mark = mark;
            done(null);
          }),
      },
      mode,
      world: {
        now: () => this.schedule.now,
        newStream: () => ({ hi: this.random.below(2 ** 32), lo: 1 + this.random.below(2 ** 31) }),
        defer: (task) => this.schedule.after(0.01, () => life === this.life && task()),
        kernelBootId: "kernel",
      },
      reporter: { changed: () => undefined, event: (kind) => this.events.push(kind) },
    });
  }

  private tickSoon(): void {
    this.schedule.after(20, () => {
      this.lun.tick();
      this.tickSoon();
    });
  }

  // --- hosts --------------------------------------------------------------------------------------------------------

  write(block: number, blocks: number, fill: number): HostWrite {
    const buffer = Buffer.alloc(blocks * 512, fill);
    return this.submit("write", block * 512, buffer.length, buffer);
  }

  submit(
    op: BlockRequest["op"],
    offset: number,
    length: number,
    buffer: Buffer | null,
    fua = false,
  ): HostWrite {
    const write: HostWrite = {
      request: {
        op,
        offset,
        length,
        buffer,
        fua,
        complete: (error) => {
          if (write.answered) throw new Error("a request was answered twice");
          write.answered = true;
          write.error = error;
          write.answeredAt = this.schedule.now;
        },
      },
      answered: false,
      error: null,
      beganAt: this.schedule.now,
      answeredAt: 0,
    };
    this.writes.push(write);
    this.lun.submit(write.request);
    return write;
  }

  // --- the link -----------------------------------------------------------------------------------------------------

  /** Makes the connection; the mirror copy is opened with the first frame, as a connection thread does. */
  connect(): void {
    const id = ++this.connection;
    const life = this.life;
    const copy = new MirrorCopy({
      local: this.mirrorDisk,
      note: this.note,
      marks: {
        write: (mark, done) =>
          this.schedule.after(0.2, () => {
            if (this.copy !== copy) return;
            this.mirrorMark = mark;
            done(null);
          }),
      },
      mark: this.mirrorMark,
      kernelBootId: "kernel",
      answer: (kind, stream, number, stable, payload) => {
        const frame = encodeFrame(kind, lunBytes(UUID), stream, number, stable, 0, payload);
        this.carry(id, frame, (bytes) => toPrimary.push(bytes));
      },
      failed: () => undefined,
      changed: () => undefined,
    });
    this.copy = copy;
    const toPrimary = new FrameReader((header, _bytes, _at, payload) => {
      if (life === this.life) this.lun.answered(header, payload);
      return true;
    }, 2 ** 24);
    const toMirror = new FrameReader((header, _bytes, _at, payload) => {
      copy.take({ ...header }, payload);
      return true;
    }, 2 ** 24);
    const deliver = (bytes: Buffer): void => {
      if (toMirror.push(bytes) !== null) throw new Error("the mirror got a broken frame");
      copy.answerDue();
    };
    this.lun.connected({
      send: (header, payload) =>
        this.carry(id, payload === null ? header : Buffer.concat([header, payload]), deliver),
      sendRecords: (records) => this.carry(id, Buffer.from(records), deliver),
    });
  }

  private carried = 0;

  /** In order, with a varying delay. */
  private carry(id: number, bytes: Buffer, deliver: (bytes: Buffer) => void): void {
    this.carried = Math.max(this.carried, this.schedule.now + 0.2 + this.random.next());
    this.schedule.after(this.carried - this.schedule.now, () => {
      if (id === this.connection) deliver(bytes);
    });
  }

  /** The connection breaks: what was under way is lost. The old connection thread ends before a new one begins. */
  breakConnection(told: boolean, done: () => void): void {
    this.connection++;
    if (told) this.lun.connectionLost();
    this.endCopy(done);
  }

  private readonly ends: (() => void)[] = [];

  /** The connection thread exits; whoever waits for that is called. */
  private endCopy(done: () => void): void {
    const { copy } = this;
    if (copy === null) {
      done();
      return;
    }
    this.ends.push(done);
    if (this.ends.length > 1) return;
    copy.end(() => {
      this.copy = null;
      for (const waiting of this.ends.splice(0)) waiting();
    });
  }

  interrupt(done: () => void): void {
    this.breakConnection(false, done);
    this.lun.interrupted("silence", this.schedule.now - 5);
  }

  /** The mirror's process is killed: its kernel, its note and its disk live on. */
  killMirror(): void {
    this.connection++;
    this.copy = null;
    this.mirrorDisk.kill();
    for (const waiting of this.ends.splice(0)) waiting();
    this.lun.interrupted("silence", this.schedule.now - 5);
  }

  /** The primary's process is killed and started again. What hosts were not answered, they forget. */
  killPrimary(mode: "sync" | "async", done: () => void): void {
    this.connection++;
    this.writes = this.writes.filter((write) => write.answered);
    const begin = (): void => {
      const restoration = restore(this.mark, "kernel");
      const recovered = restoration === "recover-journal" ? this.redo() : null;
      if (recovered === null) this.journal.drop();
      this.lun = this.newLun(mode);
      const start = { mark: this.mark, restoration, recovered, moved: false };
      this.lun.startMirrored(start, (error) => {
        if (error !== null) throw new Error(error);
        done();
      });
    };
    this.life++;
    this.primaryDisk.kill();
    this.endCopy(begin);
  }

  /** Redoes the journal on the local copy, as recovery does. */
  private redo(): RecoveredNumbers {
    const newest = this.mark?.lineage.at(-1)?.stream;
    const own = this.journal.entries.filter((entry) => entry.stream === newest);
    for (const entry of this.journal.entries) {
      const offset = entry.bytes.readUInt32LE(40);
      const length = entry.bytes.readUInt32LE(48);
      if (entry.kind === FrameKind.write) entry.bytes.copy(this.primaryDisk.image, offset, 64);
      if (entry.kind === FrameKind.unmap || entry.kind === FrameKind.zero) {
        this.primaryDisk.image.fill(0, offset, offset + length);
      }
    }
    const numbers = own.filter((entry) => entry.number > 0);
    return { last: numbers.at(-1)?.number ?? this.mark?.last ?? 0, voids: [] };
  }

  /** Where the mirror stands. */
  get mirrorPosition(): string {
    const { stream, applied } = this.note;
    return `${stream === null ? "-" : formatStreamId(stream)}:${applied}`;
  }

  get equal(): boolean {
    return this.primaryDisk.image.equals(this.mirrorDisk.image);
  }
}
