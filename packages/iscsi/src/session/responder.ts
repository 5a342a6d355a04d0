/**
 * Writes a session's PDUs into its outbox and counts StatSN. A read's data already lies behind the room for its header,
 * so that header, data and status leave as one piece of memory.
 */
import { DIGEST_BYTES, digestOf } from "../pdu/digest.ts";
import type { Outbox } from "../pdu/outbox.ts";
import {
  emptyHeader,
  firstWord,
  HEADER_BYTES,
  type HeaderWords,
  NO_TAG,
  opcodes,
  paddingOf,
  responseFlags,
  writeHeader,
} from "../pdu/pdu.ts";
import { serialAdd } from "../pdu/serial.ts";
import type { Slab, SlabPool } from "../pdu/slab.ts";
import { SENSE_BYTES, writeSense } from "../scsi/sense.ts";
import type { CommandWindow } from "./command-window.ts";
import type { SessionTask } from "./session-task.ts";

/** Data-In segments are cut to whole blocks, so that only the last can need padding. */
const SEGMENT_UNIT_BYTES = 512;

export class Responder {
  readonly #outbox: Outbox;
  readonly #pool: SlabPool;
  readonly #window: CommandWindow;
  statSn: number;
  #headerDigest = false;
  #dataDigest = false;
  #maxSegmentBytes = SEGMENT_UNIT_BYTES;
  #maxBurstBytes = SEGMENT_UNIT_BYTES;
  /** Used for every header; what a PDU does not set is zero again afterwards. */
  readonly #words: HeaderWords = emptyHeader();

  constructor(outbox: Outbox, pool: SlabPool, window: CommandWindow, statSn: number) {
    this.#outbox = outbox;
    this.#pool = pool;
    this.#window = window;
    this.statSn = statSn;
  }

  /** What login negotiated holds from now on. */
  useParameters(parameters: {
    headerDigest: boolean;
    dataDigest: boolean;
    initiatorMaxRecvBytes: number;
    maxBurstBytes: number;
  }): void {
    this.#headerDigest = parameters.headerDigest;
    this.#dataDigest = parameters.dataDigest;
    const whole = (bytes: number) => bytes - (bytes % SEGMENT_UNIT_BYTES);
    this.#maxSegmentBytes = whole(parameters.initiatorMaxRecvBytes);
    this.#maxBurstBytes = whole(parameters.maxBurstBytes);
  }

  get #headBytes(): number {
    return this.#headerDigest ? HEADER_BYTES + DIGEST_BYTES : HEADER_BYTES;
  }

  #tailBytes(dataLength: number): number {
    return paddingOf(dataLength) + (this.#dataDigest && dataLength > 0 ? DIGEST_BYTES : 0);
  }

  /** Room for `length` bytes of read data, with its header before it and what ends a segment after it. */
  reserve(task: SessionTask, length: number): void {
    const head = this.#headBytes;
    const size = head + length + this.#tailBytes(length);
    const slab = this.#pool.carve(size);
    const at = slab.used - size;
    task.slab = slab;
    task.slabAt = at;
    task.reservedBytes = size;
    task.buffer = slab.bytes.subarray(at + head, at + head + length);
  }

  /** Gives back what was reserved and is not sent. */
  drop(task: SessionTask): void {
    if (task.slab === null) return;
    this.#pool.release(task.slab);
    task.slab = null;
  }

  /** The command's end: status in the last Data-In if all went well, else a SCSI Response. */
  answer(task: SessionTask): void {
    if (task.status === 0 && task.sendBytes > 0) {
      this.#dataIn(task);
      return;
    }
    this.drop(task);
    this.#scsiResponse(task);
  }

  /** Residual flags, and the count in `word44`. */
  #residual(task: SessionTask): number {
    const expected = task.expectedIn + task.expectedOut;
    const residual = task.transferBytes - expected;
    if (residual === 0) return 0;
    this.#words.word44 = Math.abs(residual);
    return residual > 0 ? responseFlags.overflow : responseFlags.underflow;
  }

  #scsiResponse(task: SessionTask): void {
    const words = this.#words;
    const flags = responseFlags.final | this.#residual(task);
    words.first = firstWord(opcodes.scsiResponse, flags, 0, task.status);
    words.initiatorTag = task.initiatorTag;
    words.word36 = task.r2tSn;
    if (task.sense === null) {
      this.#send(words, null);
      return;
    }
    const data = Buffer.alloc(2 + SENSE_BYTES);
    data.writeUInt16BE(SENSE_BYTES, 0);
    writeSense(data, 2, task.sense);
    this.#send(words, data);
  }

  #dataIn(task: SessionTask): void {
    const slab = task.slab as Slab;
    const total = task.sendBytes;
    task.slab = null;
    if (total <= this.#maxSegmentBytes && total <= this.#maxBurstBytes) {
      const end = this.#segment(task, slab, task.slabAt, 0, total, 0);
      this.#closeSegment(slab, end, slab, end - total, total);
      this.#outbox.append(slab, task.slabAt, end + this.#tailBytes(total));
      return;
    }
    this.#longDataIn(task, slab, total);
  }

  /** Several segments: the first header lies before the data, the others and what ends a segment elsewhere. */
  #longDataIn(task: SessionTask, slab: Slab, total: number): void {
    const head = this.#headBytes;
    const dataAt = task.slabAt + head;
    let offset = 0;
    for (let dataSn = 0; offset < total; dataSn++) {
      const burstLeft = this.#maxBurstBytes - (offset % this.#maxBurstBytes);
      const length = Math.min(total - offset, this.#maxSegmentBytes, burstLeft);
      // One reference came with the reservation; each further piece of the slab counts for itself.
      if (dataSn === 0) {
        this.#segment(task, slab, task.slabAt, offset, length, dataSn);
        this.#outbox.append(slab, task.slabAt, dataAt + length);
      } else {
        const own = this.#pool.carve(head);
        this.#segment(task, own, own.used - head, offset, length, dataSn);
        this.#outbox.append(own, own.used - head, own.used);
        slab.refs++;
        this.#outbox.append(slab, dataAt + offset, dataAt + offset + length);
      }
      const tail = this.#tailBytes(length);
      if (tail > 0) {
        const own = this.#pool.carve(tail);
        this.#closeSegment(own, own.used - tail, slab, dataAt + offset, length);
        this.#outbox.append(own, own.used - tail, own.used);
      }
      offset += length;
    }
  }

  /** Writes the header of one Data-In; returns where its data ends if it lies behind the header. */
  #segment(
    task: SessionTask,
    slab: Slab,
    at: number,
    offset: number,
    length: number,
    dataSn: number,
  ): number {
    const words = this.#words;
    const end = offset + length;
    const last = end === task.sendBytes;
    const burstEnds = last || end % this.#maxBurstBytes === 0;
    let flags: number = burstEnds ? responseFlags.final : 0;
    if (last) {
      flags |= responseFlags.status | this.#residual(task);
      words.statSn = this.statSn;
      this.statSn = serialAdd(this.statSn, 1);
    } else {
      words.statSn = 0;
    }
    words.first = firstWord(opcodes.dataIn, flags, 0, last ? task.status : 0);
    words.dataLength = length;
    words.initiatorTag = task.initiatorTag;
    words.targetTag = NO_TAG;
    words.word36 = dataSn;
    words.word40 = offset;
    this.#writeHead(slab, at);
    return at + this.#headBytes + length;
  }

  /** Padding and digest of a segment's data, written at `at` of `into`. */
  #closeSegment(into: Slab, at: number, from: Slab, dataAt: number, length: number): void {
    const padding = paddingOf(length);
    into.bytes.fill(0, at, at + padding);
    if (!this.#dataDigest || length === 0) return;
    const data = from.bytes.subarray(dataAt, dataAt + length);
    const whole = padding === 0 ? data : Buffer.concat([data], length + padding);
    into.bytes.writeUInt32LE(digestOf(whole), at + padding);
  }

  /** Writes the words with the window's present state and the header digest, and clears them. */
  #writeHead(slab: Slab, at: number): void {
    const words = this.#words;
    words.expCmdSn = this.#window.expCmdSn;
    words.maxCmdSn = this.#window.maxCmdSn;
    writeHeader(slab.view, at, words);
    words.dataLength = 0;
    words.lunHigh = 0;
    words.lunLow = 0;
    words.targetTag = 0;
    words.word36 = 0;
    words.word40 = 0;
    words.word44 = 0;
    if (!this.#headerDigest) return;
    const end = at + HEADER_BYTES;
    slab.bytes.writeUInt32LE(digestOf(slab.bytes.subarray(at, end)), end);
  }

  readyToTransfer(task: SessionTask): void {
    const words = this.#words;
    words.first = firstWord(opcodes.readyToTransfer, responseFlags.final);
    words.lunHigh = task.lunHigh;
    words.lunLow = task.lunLow;
    words.initiatorTag = task.initiatorTag;
    words.targetTag = task.targetTag;
    words.word36 = task.r2tSn;
    words.word40 = task.received;
    words.word44 = task.sequenceEnd - task.received;
    this.#send(words, null, false);
  }

  /** Any PDU without a way of its own: `fill` sets what differs from zero; StatSN is counted if `counts`. */
  send(fill: Partial<HeaderWords>, data: Buffer | null, counts = true): void {
    this.#send(Object.assign(this.#words, fill), data, counts);
  }

  #send(words: HeaderWords, data: Buffer | null, counts = true): void {
    const length = data === null ? 0 : data.length;
    const size = this.#headBytes + length + this.#tailBytes(length);
    const slab = this.#pool.carve(size);
    const at = slab.used - size;
    words.dataLength = length;
    words.statSn = this.statSn;
    if (counts) this.statSn = serialAdd(this.statSn, 1);
    this.#writeHead(slab, at);
    if (data !== null) {
      const dataAt = at + this.#headBytes;
      data.copy(slab.bytes, dataAt);
      this.#closeSegment(slab, dataAt + length, slab, dataAt, length);
    }
    this.#outbox.append(slab, at, at + size);
  }
}
