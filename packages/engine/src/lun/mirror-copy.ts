/**
 * The mirror copy of a LUN: applies the frames of one stream strictly in the order of their numbers (SPEC W4), notes
 * each before it answers, and says what it holds when asked. One connection thread owns it. While something takes time
 * (a flush, a mark, a slow device) the LUN's further frames are parked here, so that other streams go on (W7).
 */
import type { BlockDevice, BlockError, BlockOperation, BlockRequest } from "@lockstep/block";
import { type FrameHeader, FrameKind } from "../wire/frame.ts";
import { formatStreamId, parseStreamId, type StreamId } from "../wire/stream-id.ts";
import {
  decodePayload,
  encodePayload,
  type MirrorReport,
  OpenPayload,
} from "../wire/stream-open.ts";
import type { MirrorMark } from "./mark.ts";

/** Parked frames of one LUN, at most; the thread stops reading the connection beyond. */
export const PARKED_LIMIT_BYTES = 16 * 2 ** 20;

/** While a copy comes in, so much is written at most before it is made stable. */
const WRITE_BACK_BYTES = 64 * 2 ** 20;

/**
 * Where the number applied last is noted before it is answered: memory that outlives the process but not the kernel.
 * `turn` moves to another stream in one step.
 */
export interface AppliedNote {
  readonly stream: StreamId | null;
  readonly applied: number;
  set(number: number): void;
  turn(stream: StreamId, number: number): void;
}

export interface MirrorMarkStore {
  write(mark: MirrorMark, done: (error: string | null) => void): void;
}

export interface MirrorCopyOptions {
  local: BlockDevice;
  note: AppliedNote;
  marks: MirrorMarkStore;
  /** What the mark file held; null where nothing was ever mirrored here. */
  mark: MirrorMark | null;
  kernelBootId: string;
  answer(
    kind: FrameKind,
    stream: StreamId,
    number: number,
    stable: number,
    payload: Buffer | null,
  ): void;
  /** Storage failed (SPEC W8). */
  failed(message: string): void;
  /** The condition changed: a copy began or ended. */
  changed(): void;
}

interface Parked {
  kind: FrameKind;
  stream: StreamId;
  number: number;
  offset: number;
  length: number;
  payload: Buffer;
}

const operationOf: Partial<Record<FrameKind, BlockOperation>> = {
  [FrameKind.write]: "write",
  [FrameKind.copy]: "write",
  [FrameKind.zero]: "zero",
  [FrameKind.unmap]: "unmap",
  [FrameKind.copyZero]: "unmap",
};

const noStream: StreamId = { hi: 0, lo: 0 };

export class MirrorCopy implements BlockRequest {
  op: BlockOperation = "write";
  offset = 0;
  length = 0;
  buffer: Buffer | null = null;
  readonly fua = false;

  private readonly options: MirrorCopyOptions;
  private readonly local: BlockDevice;
  private mark: MirrorMark | null;
  private stream: StreamId;
  private applied: number;
  private stable: number;
  /** Something takes time: what comes is parked. */
  private busy = false;
  private submitting = false;
  private completed = false;
  private completedError: BlockError | null = null;
  private parked: Parked[] = [];
  private parkedSize = 0;
  /** Nothing more of the stream is applied until the primary asks anew (SPEC W8, closed streams). */
  private frozen = true;
  private ackDue = false;
  /** Written since the last write-back of a copy began. */
  private dirtyBytes = 0;
  private writingBack = false;
  private writeBackError: BlockError | null = null;
  private ending: (() => void) | null = null;

  constructor(options: MirrorCopyOptions) {
    this.options = options;
    this.local = options.local;
    this.mark = options.mark;
    const trusted = this.mark?.state === "stable";
    const markStream = this.mark?.stream ?? null;
    this.stream =
      (trusted && markStream ? parseStreamId(markStream) : options.note.stream) ?? noStream;
    this.applied = trusted ? (this.mark?.applied ?? 0) : options.note.applied;
    this.stable = trusted ? this.applied : 0;
  }

  get parkedBytes(): number {
    return this.parkedSize;
  }

  get condition(): MirrorReport["condition"] {
    const { mark } = this;
    if (mark === null) return "none";
    if (mark.state === "copying" || mark.state === "unclean") return mark.state;
    if (mark.state === "stable" || mark.kernelBootId === this.options.kernelBootId) return "sound";
    return "unclean";
  }

  /** Takes the next frame of this LUN. The payload may be kept. */
  take(header: FrameHeader, payload: Buffer): void {
    if (this.ending !== null) return;
    if (this.busy) {
      this.parked.push({
        kind: header.kind,
        stream: { hi: header.streamHi, lo: header.streamLo },
        number: header.number,
        offset: header.offset,
        length: header.length,
        payload,
      });
      this.parkedSize += payload.length + 64;
      return;
    }
    const { kind, streamHi, streamLo, number, offset, length } = header;
    this.apply(kind, streamHi, streamLo, number, offset, length, payload);
  }

  /** Answers what was applied since the last call: one acknowledgement for many. */
  answerDue(): void {
    if (!this.ackDue) return;
    this.ackDue = false;
    this.options.answer(FrameKind.ack, this.stream, this.applied, this.stable, null);
  }

  /** The connection is gone: ends what is under way, makes all stable, notes it, and closes the device. */
  end(done: () => void): void {
    this.ending = () => {
      if (this.mark === null || this.condition !== "sound") {
        this.local.close(() => done());
        return;
      }
      this.flush((error) => {
        const close = (): void => this.local.close(() => done());
        if (error === null) this.writeMark("stable", close);
        else this.writeMark("unclean", close);
      });
    };
    this.parked = [];
    this.parkedSize = 0;
    if (!this.busy) this.ending();
  }

  private apply(
    kind: FrameKind,
    hi: number,
    lo: number,
    number: number,
    offset: number,
    length: number,
    payload: Buffer,
  ): void {
    switch (kind) {
      case FrameKind.query:
        this.report();
        return;
      case FrameKind.open:
        this.turnStream(payload);
        return;
      case FrameKind.copyBegin:
        this.beginCopy({ hi, lo }, number, offset);
        return;
      default:
    }
    if (this.frozen) return;
    if (lo !== this.stream.lo || hi !== this.stream.hi || number !== this.applied + 1) {
      const named = formatStreamId({ hi, lo });
      this.refuse(
        `number ${number} of stream ${named} does not follow ${this.applied} of ${formatStreamId(this.stream)}`,
      );
      return;
    }
    if (kind === FrameKind.void) this.appliedOne();
    else if (kind === FrameKind.flush) this.applyFlush();
    else if (kind === FrameKind.copyEnd) this.endCopy();
    else this.submit(kind, offset, length, payload);
  }

  private submit(kind: FrameKind, offset: number, length: number, payload: Buffer): void {
    const op = operationOf[kind];
    if (op === undefined) {
      this.refuse(`a frame of kind ${kind} is no mirror request`);
      return;
    }
    this.op = op;
    this.offset = offset;
    this.length = length;
    this.buffer = op === "write" ? payload : null;
    this.submitting = true;
    this.completed = false;
    this.local.submit(this);
    this.submitting = false;
    if (this.completed) this.submitted(this.completedError);
    else this.busy = true;
  }

  complete(error: BlockError | null): void {
    if (this.submitting) {
      this.completed = true;
      this.completedError = error;
      return;
    }
    this.submitted(error);
    this.goOn();
  }

  private submitted(error: BlockError | null): void {
    this.buffer = null;
    if (error === null) {
      this.appliedOne();
      if (this.mark?.state === "copying") this.writeBack(this.length);
    } else
      this.freeze(
        `${this.op} of ${this.length} bytes at ${this.offset}: ${error.code} (${error.detail})`,
      );
  }

  /** SPEC W7: the flush that ends a copy should find little left to do. */
  private writeBack(bytes: number): void {
    this.dirtyBytes += bytes;
    if (this.dirtyBytes < WRITE_BACK_BYTES || this.writingBack) return;
    this.dirtyBytes = 0;
    this.writingBack = true;
    this.flush((error) => {
      this.writingBack = false;
      if (error !== null) this.writeBackError = error;
    });
  }

  private appliedOne(): void {
    this.applied++;
    this.options.note.set(this.applied);
    this.ackDue = true;
  }

  /** SPEC W7: all before the flush is stable before anything after it is applied. */
  private applyFlush(): void {
    this.busy = true;
    this.flush((error) => {
      if (error !== null) {
        this.flushFailed(error);
        return;
      }
      this.appliedOne();
      this.stable = this.applied;
      this.goOn();
    });
  }

  /** What a failed flush covered may be lost: the copy is unclean, for good, until it is made anew. */
  private flushFailed(error: BlockError): void {
    if (this.mark !== null) this.mark = { ...this.mark, state: "unclean" };
    this.options.note.turn(noStream, 0);
    this.writeMark("unclean", () => {
      this.freeze(`flush: ${error.code} (${error.detail})`);
      this.options.changed();
      this.goOn();
    });
  }

  private freeze(message: string): void {
    this.frozen = true;
    this.answerDue();
    const payload = encodePayload({ message: message.slice(0, 500) });
    this.options.answer(FrameKind.failed, this.stream, this.applied + 1, this.stable, payload);
    this.options.failed(message);
  }

  private refuse(message: string): void {
    this.frozen = true;
    this.answerDue();
    const payload = encodePayload({ message: message.slice(0, 500) });
    this.options.answer(FrameKind.refused, this.stream, this.applied, this.stable, payload);
  }

  private refuseSize(sizeBytes: number): void {
    this.refuse(`the LUN has ${sizeBytes} bytes there and ${this.local.sizeBytes} here`);
  }

  private report(): void {
    this.answerDue();
    const report: MirrorReport = {
      condition: this.condition,
      stream: this.condition === "none" ? null : formatStreamId(this.stream),
      applied: this.applied,
    };
    const answer = (): void => {
      this.options.answer(
        FrameKind.opened,
        this.stream,
        this.applied,
        this.stable,
        encodePayload(report),
      );
    };
    this.frozen = report.condition !== "sound";
    if (report.condition !== "sound" || this.mark?.state === "open") {
      answer();
      return;
    }
    this.busy = true;
    this.options.note.turn(this.stream, this.applied);
    this.writeMark("open", (error) => {
      if (error === null) answer();
      else this.freeze(`the mark could not be written: ${error}`);
      this.goOn();
    });
  }

  private turnStream(payload: Buffer): void {
    if (this.frozen) return;
    const open = decodePayload(OpenPayload, payload);
    if (open === null) {
      this.refuse("the opening of a stream could not be read");
      return;
    }
    const { step, sizeBytes } = open;
    if (step.parent !== formatStreamId(this.stream) || step.parentLast !== this.applied) {
      this.refuse(`stream ${step.stream} does not begin at ${this.applied}`);
      return;
    }
    if (sizeBytes !== this.local.sizeBytes) {
      this.refuseSize(sizeBytes);
      return;
    }
    this.stream = parseStreamId(step.stream);
    this.applied = 0;
    this.stable = 0;
    this.options.note.turn(this.stream, 0);
  }

  private beginCopy(stream: StreamId, number: number, sizeBytes: number): void {
    if (sizeBytes !== this.local.sizeBytes) {
      this.refuseSize(sizeBytes);
      return;
    }
    this.busy = true;
    this.frozen = false;
    this.stream = stream;
    this.applied = number - 1;
    this.stable = 0;
    this.writeMark("copying", (error) => {
      if (error === null) {
        this.options.note.turn(stream, this.applied);
        this.appliedOne();
      } else {
        this.freeze(`the mark could not be written: ${error}`);
      }
      this.options.changed();
      this.goOn();
    });
  }

  private endCopy(): void {
    this.busy = true;
    this.flush((lastError) => {
      const flushError = this.writeBackError ?? lastError;
      this.writeBackError = null;
      if (flushError !== null) {
        this.flushFailed(flushError);
        return;
      }
      this.options.note.turn(this.stream, this.applied + 1);
      this.writeMark("open", (error) => {
        if (error === null) {
          this.appliedOne();
          this.stable = this.applied;
        } else {
          this.freeze(`the mark could not be written: ${error}`);
        }
        this.options.changed();
        this.goOn();
      });
    });
  }

  private goOn(): void {
    this.busy = false;
    if (this.ending !== null) {
      this.ending();
      return;
    }
    let taken = 0;
    for (const frame of this.parked) {
      if (this.busy) break;
      taken++;
      this.parkedSize -= frame.payload.length + 64;
      const { stream, number, offset, length, payload } = frame;
      this.apply(frame.kind, stream.hi, stream.lo, number, offset, length, payload);
    }
    this.parked.splice(0, taken);
    this.answerDue();
  }

  private flush(done: (error: BlockError | null) => void): void {
    this.local.submit({
      op: "flush",
      offset: 0,
      length: 0,
      buffer: null,
      fua: false,
      complete: done,
    });
  }

  private writeMark(state: MirrorMark["state"], done: (error: string | null) => void): void {
    const mark: MirrorMark = {
      state,
      kernelBootId: this.options.kernelBootId,
      stream: formatStreamId(this.stream),
      applied: this.applied,
    };
    this.options.marks.write(mark, (error) => {
      if (error === null) this.mark = mark;
      done(error);
    });
  }
}
