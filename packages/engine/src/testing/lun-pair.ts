/**
 * One LUN on two servers, simulated: the production engine of both sides over disks, journal, marks and a wire in memory,
 * under one seeded schedule. Faults are methods, or shares of what fails; `watch` is told of all that hosts do.
 */
import type { BlockRequest } from "@lockstep/block";
import type { LunMode } from "@lockstep/model";
import { type LunMark, type MirrorMark, restore } from "../lun/mark.ts";
import { MirrorCopy } from "../lun/mirror-copy.ts";
import { MirroredLun, type RecoveredNumbers } from "../lun/mirrored-lun.ts";
import type { LunTimes } from "../lun/patience.ts";
import type { LunJournal } from "../lun/ports.ts";
import { encodeFrame, lunBytes } from "../wire/frame.ts";
import { FrameReader } from "../wire/frame-reader.ts";
import { formatStreamId } from "../wire/stream-id.ts";
import type { HostCommand, HostWatch } from "./host-command.ts";
import { redoJournal } from "./journal-redo.ts";
import { BLOCK_BYTES, MemoryDisk } from "./memory-disk.ts";
import { MemoryJournal } from "./memory-journal.ts";
import { MemoryMarks } from "./memory-marks.ts";
import { MemoryNote } from "./memory-note.ts";
import { Random } from "./random.ts";
import { Schedule } from "./schedule.ts";

const UUID = "00000000-0000-4000-8000-00000000000a";
const LARGEST_FRAME_BYTES = 2 ** 24;
const TICK_MS = 10;
export const PAIR_BLOCKS = 64;
const PAIR_BYTES = PAIR_BLOCKS * BLOCK_BYTES;

export interface PairOptions {
  journalLimitBytes?: number;
  /** In the place of the one in memory; it can't be restarted. */
  journal?: LunJournal;
  mirrorBytes?: number;
}

export interface PrimaryStart {
  /** What the stable record of the LUN says. */
  designated?: boolean;
  /** Another worker had it a moment ago (SPEC S1). */
  moved?: boolean;
}

export class LunPair {
  /** What the LUN is told of the age of the peer's last heartbeat. */
  heardAgoMs = 0;
  readonly schedule = new Schedule();
  readonly random: Random;
  readonly primaryDisk: MemoryDisk;
  readonly mirrorDisk: MemoryDisk;
  readonly journal: MemoryJournal;
  readonly marks: MemoryMarks<LunMark>;
  readonly mirrorMarks: MemoryMarks<MirrorMark>;
  readonly note = new MemoryNote();
  lun: MirroredLun;
  /** The mirror copy of the present connection, or of the one that ends. */
  copy: MirrorCopy | null = null;
  /** Events that the LUN reported, by kind. */
  readonly events: string[] = [];
  commands: HostCommand[] = [];
  watch: HostWatch | null = null;
  /** Rises with each connection made or lost. */
  connection = 0;
  /** Rises with each command begun or answered. */
  order = 0;
  private readonly lunJournal: LunJournal;
  private mode: LunMode;
  private times: LunTimes | null = null;
  /** Rises when the primary's process begins, and when it ends. */
  private life = 0;
  private isUp = true;
  private primaryBoots = 1;
  private mirrorBoots = 1;
  /** When the wire is free again. */
  private carriedAt = 0;
  private readonly ends: (() => void)[] = [];

  constructor(seed: number, mode: LunMode, options: PairOptions = {}) {
    const { journalLimitBytes = 2 ** 20, mirrorBytes = PAIR_BYTES } = options;
    const { schedule } = this;
    const random = new Random(seed);
    this.random = random;
    this.primaryDisk = new MemoryDisk(schedule, random, PAIR_BYTES);
    this.mirrorDisk = new MemoryDisk(schedule, random, mirrorBytes);
    this.journal = new MemoryJournal(schedule, random, journalLimitBytes);
    this.marks = new MemoryMarks(schedule, random);
    this.mirrorMarks = new MemoryMarks(schedule, random);
    this.lunJournal = options.journal ?? this.journal;
    this.mode = mode;
    this.lun = this.newLun();
    this.lun.startUnmirrored();
    this.tickSoon();
  }

  private newLun(): MirroredLun {
    const life = ++this.life;
    const { schedule, random } = this;
    const lun = new MirroredLun({
      uuid: UUID,
      local: this.primaryDisk,
      journal: this.lunJournal,
      marks: this.marks,
      mode: this.mode,
      world: {
        now: () => schedule.now,
        heardAgoMs: () => this.heardAgoMs,
        newStream: () => ({ hi: random.below(2 ** 32), lo: 1 + random.below(2 ** 31) }),
        defer: (task) => schedule.after(0.01, () => life === this.life && task()),
        kernelBootId: `primary boot ${this.primaryBoots}`,
      },
      reporter: { changed: () => undefined, event: (kind) => this.events.push(kind) },
    });
    if (this.times !== null) lun.setTimes(this.times);
    return lun;
  }

  private tickSoon(): void {
    this.schedule.after(TICK_MS, () => {
      if (this.isUp) this.lun.tick();
      this.tickSoon();
    });
  }

  // --- operators ----------------------------------------------------------------------------------------------------

  /** Outlives the primary's process, as in its settings. */
  setTimes(times: LunTimes): void {
    this.times = times;
    this.lun.setTimes(times);
  }

  /** Likewise. */
  setMode(mode: LunMode): void {
    this.mode = mode;
    this.lun.setMode(mode);
  }

  // --- hosts --------------------------------------------------------------------------------------------------------

  write(block: number, blocks: number, fill: number): HostCommand {
    const buffer = Buffer.alloc(blocks * BLOCK_BYTES, fill);
    return this.submit("write", block * BLOCK_BYTES, buffer.length, buffer);
  }

  flush(): HostCommand {
    return this.submit("flush", 0, 0, null);
  }

  submit(
    op: BlockRequest["op"],
    offset: number,
    length: number,
    buffer: Buffer | null,
    fua = false,
  ): HostCommand {
    const command: HostCommand = {
      request: { op, offset, length, buffer, fua, complete: (error) => answer(error) },
      answered: false,
      error: null,
      beganAt: ++this.order,
      answeredAt: 0,
      isLost: false,
    };
    const answer = (error: HostCommand["error"]): void => {
      if (command.answered) throw new Error("a command was answered twice");
      if (command.isLost) throw new Error("a process that has ended answered a command");
      command.answered = true;
      command.error = error;
      command.answeredAt = ++this.order;
      this.watch?.answered(command);
    };
    this.commands.push(command);
    this.watch?.began(command);
    this.lun.submit(command.request);
    return command;
  }

  // --- the link -----------------------------------------------------------------------------------------------------

  /** Makes the connection; the mirror copy is opened with the first frame, as a connection thread does. */
  connect(): void {
    const id = ++this.connection;
    const { life } = this;
    const copy = new MirrorCopy({
      local: this.mirrorDisk,
      note: this.note,
      marks: this.mirrorMarks,
      mark: this.mirrorMarks.value,
      kernelBootId: this.mirrorBootId,
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
    }, LARGEST_FRAME_BYTES);
    const toMirror = new FrameReader((header, _bytes, _at, payload) => {
      copy.take({ ...header }, payload);
      return true;
    }, LARGEST_FRAME_BYTES);
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

  private get mirrorBootId(): string {
    return `mirror boot ${this.mirrorBoots}`;
  }

  /** In order, with a varying delay. */
  private carry(id: number, bytes: Buffer, deliver: (bytes: Buffer) => void): void {
    const { schedule } = this;
    this.carriedAt = Math.max(this.carriedAt, schedule.now + 0.2 + this.random.next());
    schedule.after(this.carriedAt - schedule.now, () => {
      if (id === this.connection) deliver(bytes);
    });
  }

  /** The connection breaks: what was under way is lost. The old connection thread ends before a new one begins. */
  breakConnection(done: () => void = () => undefined): void {
    this.connection++;
    this.lun.connectionLost();
    this.endCopy(done);
  }

  /** Heartbeats stop, and the connection is given up. */
  interrupt(done: () => void = () => undefined): void {
    this.connection++;
    this.endCopy(done);
    this.lun.interrupted("silence", this.schedule.now - 5);
  }

  /** The connection thread exits; whoever waits for that is called. */
  private endCopy(done: () => void): void {
    const { copy } = this;
    if (copy === null) {
      done();
      return;
    }
    this.ends.push(done);
    if (this.ends.length === 1) copy.end(() => this.copyEnded());
  }

  private copyEnded(): void {
    this.copy = null;
    for (const waiting of this.ends.splice(0)) waiting();
  }

  // --- ends and begins ----------------------------------------------------------------------------------------------

  /** The mirror's process is killed: its kernel, its note and its disk live on, but for the power. */
  killMirror(withoutPower = false): void {
    this.connection++;
    this.mirrorMarks.restart();
    if (withoutPower) {
      this.mirrorDisk.losePower();
      this.note.losePower(this.random);
      this.mirrorBoots++;
    } else {
      this.mirrorDisk.kill();
    }
    this.copyEnded();
    if (this.isUp) this.lun.interrupted("silence", this.schedule.now - 5);
  }

  /** The primary's process is killed. What hosts were not answered is lost. */
  killPrimary(withoutPower = false): void {
    this.connection++;
    this.life++;
    this.isUp = false;
    for (const command of this.commands) if (!command.answered) command.isLost = true;
    this.marks.restart();
    this.journal.restart(withoutPower);
    if (withoutPower) {
      this.primaryDisk.losePower();
      this.primaryBoots++;
    } else {
      this.primaryDisk.kill();
    }
    this.endCopy(() => undefined);
  }

  /** Starts it as a worker does (SPEC R1), again where the mark could not be written; `done` when hosts are served. */
  startPrimary(start: PrimaryStart = {}, done: () => void = () => undefined): void {
    const { designated = true, moved = false } = start;
    const mark = this.marks.value;
    let restoration = designated ? restore(mark, `primary boot ${this.primaryBoots}`) : null;
    let recovered: RecoveredNumbers | null = null;
    if (restoration === "recover-journal" && mark !== null) {
      recovered = redoJournal(this.journal, this.primaryDisk, mark);
      if (recovered === null) restoration = "full-copy";
    }
    if (restoration === "full-copy") this.journal.hasFailed = true;
    else if (restoration !== "recover-journal") this.journal.drop();
    this.lun = this.newLun();
    const started = (): void => {
      this.isUp = true;
      done();
    };
    if (restoration === null) {
      this.lun.startUnmirrored();
      started();
      return;
    }
    this.lun.startMirrored({ mark, restoration, recovered, moved }, (error) => {
      if (error === null) {
        started();
        return;
      }
      this.life++;
      this.journal.restart(false);
      this.startPrimary(start, done);
    });
  }

  // --- what is there ------------------------------------------------------------------------------------------------

  get equal(): boolean {
    return this.primaryDisk.image.equals(this.mirrorDisk.image);
  }

  /** Where the mirror stands. */
  get mirrorPosition(): string {
    const { stream, applied } = this.note;
    return `${stream === null ? "-" : formatStreamId(stream)}:${applied}`;
  }

  /** Whether the mirror would say of itself that it can be gone on with. */
  get isMirrorSound(): boolean {
    if (this.copy !== null) return this.copy.condition === "sound";
    const mark = this.mirrorMarks.value;
    if (mark?.state === "stable") return true;
    return mark?.state === "open" && mark.kernelBootId === this.mirrorBootId;
  }
}
