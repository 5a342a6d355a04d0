/**
 * A session's write data: immediate data, unsolicited Data-Out, and what R2Ts ask for (RFC 7143 sections 4.2.5.2, 11.7,
 * 11.8). Data that came whole with its command is used where it lies; other data is gathered once. Sequences must come
 * in order: what doesn't ends the command with a sense, once the initiator has ended its sequence.
 */
import { commandFlags, NO_TAG } from "../pdu/pdu.ts";
import { MAX_TRANSFER_BLOCKS } from "../scsi/operation.ts";
import { type Sense, senses } from "../scsi/sense.ts";
import { MAX_GATHERING_BYTES } from "./limits.ts";
import type { Responder } from "./responder.ts";
import type { SessionTask } from "./session-task.ts";

/** No command needs more than this at once, in bytes, whatever the initiator announces. */
const MAX_DATA_BYTES = MAX_TRANSFER_BLOCKS * 512;

export interface BurstLimits {
  readonly immediateData: boolean;
  readonly initialR2T: boolean;
  readonly firstBurstBytes: number;
  readonly maxBurstBytes: number;
}

export class DataOut {
  readonly #responder: Responder;
  limits: BurstLimits;
  #nextTag: number;
  #gatheringBytes = 0;
  /** Tasks that wait for room before they get the rest of their buffer; in order. */
  readonly #starved: SessionTask[] = [];

  // The data segment of the SCSI Command being taken.
  #immediate: Buffer | null = null;
  #immediateAt = 0;
  #immediateBytes = 0;
  /** The last buffer given out for immediate data: only that one may be written to further. */
  #offered: Buffer | null = null;

  constructor(responder: Responder, limits: BurstLimits, nextTag: number) {
    this.#responder = responder;
    this.limits = limits;
    this.#nextTag = nextTag;
  }

  get nextTag(): number {
    return this.#nextTag;
  }

  /** Where immediate data that comes in pieces is gathered: a buffer that the command can keep. */
  bufferForImmediate(header: Buffer, at: number, dataLength: number): Buffer {
    const expected = header.readUInt32BE(at + 20);
    const fits = expected >= dataLength && expected <= MAX_DATA_BYTES;
    const roomy = this.#gatheringBytes + expected <= MAX_GATHERING_BYTES;
    this.#offered = Buffer.allocUnsafeSlow(fits && roomy ? expected : dataLength);
    return this.#offered;
  }

  /** Notes the data segment of a command; the sense if it is one that may not be. */
  beginCommand(
    task: SessionTask,
    flags: number,
    data: Buffer,
    at: number,
    length: number,
  ): Sense | null {
    this.#immediate = data;
    this.#immediateAt = at;
    this.#immediateBytes = length;
    const final = (flags & commandFlags.final) !== 0;
    const { immediateData, initialR2T, firstBurstBytes } = this.limits;
    if (length > 0 && !immediateData) return senses.unexpectedUnsolicitedData;
    if (length > task.expectedOut || length > firstBurstBytes) return senses.incorrectAmountOfData;
    if (final || task.expectedOut === 0) return null;
    if (initialR2T) return senses.unexpectedUnsolicitedData;
    task.unsolicitedOpen = true;
    task.received = length;
    task.sequenceEnd = Math.min(firstBurstBytes, task.expectedOut);
    return null;
  }

  endCommand(): void {
    this.#immediate = null;
    this.#offered = null;
  }

  /** The command wants `length` bytes; see `Nexus.receive`. */
  receive(task: SessionTask, length: number): void {
    if (length > task.expectedOut) {
      // SAM-5: no data is taken where the two lengths disagree this way; never half a write.
      task.fail(senses.invalidFieldInInformationUnit, length);
      return;
    }
    const immediate = this.#immediate as Buffer;
    const have = this.#immediateBytes;
    task.phase = "receiving";
    task.wanted = length;
    task.received = have;
    task.targetTag = NO_TAG;
    if (have >= length) {
      this.#count(task, length);
      task.buffer = immediate.subarray(this.#immediateAt, this.#immediateAt + length);
      if (!task.unsolicitedOpen) task.onReceived(task);
      return;
    }
    this.#allocate(task, immediate, have);
    if (!task.unsolicitedOpen) this.#ask(task);
  }

  /** A buffer for all data if there is room; else for what may come unasked, and more when there is. */
  #allocate(task: SessionTask, immediate: Buffer, have: number): void {
    const { wanted } = task;
    if (immediate === this.#offered && immediate.length >= wanted) {
      this.#count(task, wanted);
      task.buffer = immediate.length === wanted ? immediate : immediate.subarray(0, wanted);
      return;
    }
    const roomy =
      this.#gatheringBytes === 0 || this.#gatheringBytes + wanted <= MAX_GATHERING_BYTES;
    const unasked = Math.max(have, task.unsolicitedOpen ? task.sequenceEnd : 0);
    const size = roomy ? wanted : Math.min(wanted, unasked);
    this.#count(task, size);
    task.buffer = Buffer.allocUnsafeSlow(size);
    immediate.copy(task.buffer, 0, this.#immediateAt, this.#immediateAt + have);
    if (size < wanted) this.#starved.push(task);
  }

  #count(task: SessionTask, bytes: number): void {
    task.gatheringBytes += bytes;
    this.#gatheringBytes += bytes;
  }

  /** The task is over: its data no longer counts, and others may grow. */
  release(task: SessionTask): void {
    if (task.wanted === 0) return;
    this.#gatheringBytes -= task.gatheringBytes;
    task.gatheringBytes = 0;
    if (this.#starved.length === 0) return;
    const index = this.#starved.indexOf(task);
    if (index >= 0) this.#starved.splice(index, 1);
    this.#feed();
  }

  #feed(): void {
    let task = this.#starved[0];
    while (task) {
      const more = task.wanted - (task.buffer as Buffer).length;
      const roomy = this.#gatheringBytes + more <= MAX_GATHERING_BYTES;
      if (!roomy && this.#gatheringBytes > task.gatheringBytes) return;
      this.#starved.shift();
      const whole = Buffer.allocUnsafeSlow(task.wanted);
      (task.buffer as Buffer).copy(whole);
      task.buffer = whole;
      this.#count(task, more);
      if (!task.unsolicitedOpen) this.#ask(task);
      task = this.#starved[0];
    }
  }

  /** Asks for the next burst with an R2T. */
  #ask(task: SessionTask): void {
    if ((task.buffer as Buffer).length < task.wanted) return;
    task.targetTag = this.#nextTag;
    this.#nextTag = this.#nextTag + 1 === NO_TAG ? 1 : this.#nextTag + 1;
    task.dataSn = 0;
    task.sequenceEnd = Math.min(task.received + this.limits.maxBurstBytes, task.wanted);
    this.#responder.readyToTransfer(task);
    task.r2tSn++;
  }

  /** What is wrong with a Data-Out for `task`, or null. */
  #wrong(task: SessionTask, header: Buffer, at: number, length: number): Sense | null {
    const tag = header.readUInt32BE(at + 20);
    const solicited = tag !== NO_TAG;
    if (solicited ? tag !== task.targetTag : !task.unsolicitedOpen) {
      return senses.unexpectedUnsolicitedData;
    }
    const offset = header.readUInt32BE(at + 40);
    if (header.readUInt32BE(at + 36) !== task.dataSn) return senses.dataPhaseError;
    if (offset !== task.received) return senses.dataPhaseError;
    const end = offset + length;
    const final = ((header[at + 1] as number) & commandFlags.final) !== 0;
    if (end > task.sequenceEnd) return senses.incorrectAmountOfData;
    // Unasked data may end early; asked data is what was asked. Neither goes on past its end.
    if (final ? solicited && end < task.sequenceEnd : end === task.sequenceEnd) {
      return senses.incorrectAmountOfData;
    }
    return null;
  }

  /** The task's own buffer, if a Data-Out that comes in pieces may be gathered there; its offset then is the place. */
  bufferForDataOut(task: SessionTask, header: Buffer, at: number, length: number): Buffer | null {
    if (task.phase !== "receiving" || task.concluded) return null;
    if (this.#wrong(task, header, at, length) !== null) return null;
    const buffer = task.buffer as Buffer;
    return header.readUInt32BE(at + 40) + length <= buffer.length ? buffer : null;
  }

  take(
    task: SessionTask,
    header: Buffer,
    at: number,
    data: Buffer,
    dataAt: number,
    length: number,
  ): void {
    const final = ((header[at + 1] as number) & commandFlags.final) !== 0;
    if (task.concluded) {
      if (final) this.#conclude(task);
      return;
    }
    const wrong = this.#wrong(task, header, at, length);
    if (wrong !== null) {
      task.unsolicitedOpen = !final;
      task.targetTag = NO_TAG;
      task.fail(wrong);
      return;
    }
    const buffer = task.buffer as Buffer;
    if (data !== buffer) {
      const room = Math.max(0, Math.min(length, buffer.length - task.received));
      data.copy(buffer, task.received, dataAt, dataAt + room);
    }
    task.received += length;
    task.dataSn++;
    if (!final) return;
    task.unsolicitedOpen = false;
    task.targetTag = NO_TAG;
    if (task.received >= task.wanted) task.onReceived(task);
    else this.#ask(task);
  }

  /** The sequence of a task whose status is known has ended. */
  #conclude(task: SessionTask): void {
    task.unsolicitedOpen = false;
    task.nexus.finish(task);
  }
}
