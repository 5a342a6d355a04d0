/**
 * Sends the journal to the mirror in order while hosts append behind (SPEC O6). It reads whole records ahead of the
 * acknowledgements by at most REPLAY_WINDOW_BYTES, opens streams where the lineage turns, and sends the records' own
 * bytes; only voided ones are replaced.
 */
import {
  decodeHeader,
  emptyHeader,
  encodeFrame,
  FrameKind,
  HEADER_BYTES,
  isNumbered,
} from "../wire/frame.ts";
import { formatStreamId, parseStreamId, type StreamId } from "../wire/stream-id.ts";
import { encodePayload } from "../wire/stream-open.ts";
import type { Lineage } from "./lineage.ts";
import type { JournalError, JournalReader, LunJournal, MirrorPort } from "./ports.ts";

/** Sent and not yet acknowledged, at most. */
export const REPLAY_WINDOW_BYTES = 8 * 2 ** 20;

export interface ReplayOwner {
  /** All records so far are sent; called again whenever more were appended and sent. */
  replayCaughtUp(): void;
  replayFailed(error: JournalError): void;
  /** Numbers of the present stream whose local write failed after they were journaled (SPEC W3). */
  isVoid(stream: string, number: number): boolean;
  /** Monotonic ms. */
  now(): number;
  /** The first number of the present stream whose local write is still under way (SPEC W3); Infinity for none. */
  readonly firstUnderWay: number;
  replaySent(bytes: number): void;
}

interface Sent {
  stream: string;
  number: number;
  bytes: number;
}

export class Replayer {
  private readonly owner: ReplayOwner;
  private readonly port: MirrorPort;
  private readonly lun: Buffer;
  private readonly sizeBytes: number;
  private readonly lineage: Lineage;
  private readonly reader: JournalReader;
  private readonly header = emptyHeader();
  private stream: string;
  private sentThrough: number;
  private sent: Sent[] = [];
  private inFlightBytes = 0;
  private movedAt = 0;
  private reading = false;
  /** Records that were read and may not be sent yet. */
  private rest: Buffer | null = null;
  private stopped = false;

  constructor(
    owner: ReplayOwner,
    port: MirrorPort,
    lun: Buffer,
    sizeBytes: number,
    lineage: Lineage,
    journal: LunJournal,
    from: { stream: StreamId; number: number },
  ) {
    this.owner = owner;
    this.port = port;
    this.lun = lun;
    this.sizeBytes = sizeBytes;
    this.lineage = lineage;
    this.stream = formatStreamId(from.stream);
    this.sentThrough = from.number;
    this.reader = journal.readerAfter(from.stream, from.number);
  }

  /** What was sent before, up to where this begins, is not answered yet. */
  owes(bytes: number): void {
    this.push(bytes);
  }

  /** Whether the last number given out is sent. */
  get caughtUp(): boolean {
    return (
      this.stream === formatStreamId(this.lineage.current) && this.sentThrough === this.lineage.last
    );
  }

  /** Since when nothing of what was sent was answered; null where all is. */
  get waitsSince(): number | null {
    return this.sent.length === 0 ? null : this.movedAt;
  }

  /** Whether all that was sent is answered. */
  get drained(): boolean {
    return this.sent.length === 0;
  }

  pump(): void {
    if (this.reading || this.stopped || this.inFlightBytes >= REPLAY_WINDOW_BYTES) return;
    if (this.rest !== null) {
      this.send(this.rest);
      return;
    }
    this.reading = true;
    this.reader.next((error, records) => {
      this.reading = false;
      if (this.stopped) return;
      if (error !== null) {
        this.owner.replayFailed(error);
      } else if (records === null) {
        this.openThrough(formatStreamId(this.lineage.current));
        if (this.caughtUp) this.owner.replayCaughtUp();
      } else {
        this.send(records);
      }
    });
  }

  private send(records: Buffer): void {
    this.rest = null;
    if (!this.sendAll(records)) this.owner.replayFailed("io-error");
    else if (this.rest === null) this.pump();
  }

  acknowledged(stream: string, number: number): void {
    while (this.sent.length > 0) {
      const oldest = this.sent[0] as Sent;
      if (oldest.stream === stream && oldest.number > number) break;
      if (oldest.stream !== stream && !this.isBefore(oldest.stream, stream)) break;
      this.inFlightBytes -= oldest.bytes;
      this.movedAt = this.owner.now();
      this.sent.shift();
    }
    this.pump();
  }

  stop(): void {
    this.stopped = true;
    this.reader.close();
  }

  private isBefore(a: string, b: string): boolean {
    const steps = this.lineage.steps;
    return steps.findIndex((s) => s.stream === a) < steps.findIndex((s) => s.stream === b);
  }

  /** Sends runs of records as they lie, leaving out what is not for the mirror. False where a number is missing. */
  private sendAll(records: Buffer): boolean {
    let runFrom = 0;
    let at = 0;
    while (at < records.length) {
      const fault = decodeHeader(records, at, this.header);
      if (fault !== null)
        throw new Error(`the journal's reader let a broken record through: ${fault}`);
      const end = at + HEADER_BYTES + this.header.payloadLength;
      const stream = formatStreamId({ hi: this.header.streamHi, lo: this.header.streamLo });
      if (this.mustWait(stream)) {
        this.rest = records.subarray(at);
        break;
      }
      const known = stream === this.stream && this.header.number <= this.sentThrough;
      const asItLies = isNumbered(this.header.kind) && !known;
      const voided = asItLies && this.owner.isVoid(stream, this.header.number);
      if (!asItLies || voided || stream !== this.stream) {
        this.sendRun(records, runFrom, at);
        runFrom = asItLies && !voided ? at : end;
        if (asItLies) this.openThrough(stream);
        if (voided) this.sendVoid(this.header.number);
      }
      if (asItLies && !voided && this.header.number !== this.sentThrough + 1) return false;
      if (asItLies) this.sentThrough = this.header.number;
      at = end;
    }
    this.sendRun(records, runFrom, at);
    return true;
  }

  /** Frames follow the local write, which may yet fail (SPEC W3). */
  private mustWait(stream: string): boolean {
    if (!isNumbered(this.header.kind) || this.header.number < this.owner.firstUnderWay)
      return false;
    return stream === formatStreamId(this.lineage.current);
  }

  private sendRun(records: Buffer, from: number, to: number): void {
    if (to <= from) return;
    this.port.sendRecords(records.subarray(from, to));
    this.account(to - from);
  }

  private sendVoid(number: number): void {
    const stream = parseStreamId(this.stream);
    this.port.send(encodeFrame(FrameKind.void, this.lun, stream, number, 0, 0, null), null);
    this.sentThrough = number;
    this.account(HEADER_BYTES);
  }

  private account(bytes: number): void {
    this.push(bytes);
    this.owner.replaySent(bytes);
  }

  private push(bytes: number): void {
    if (this.sent.length === 0) this.movedAt = this.owner.now();
    this.sent.push({ stream: this.stream, number: this.sentThrough, bytes });
    this.inFlightBytes += bytes;
  }

  /** Opens each stream behind the one that was sent last, up to `stream`. */
  private openThrough(stream: string): void {
    if (stream === this.stream) return;
    for (const step of this.lineage.stepsAfter(this.stream)) {
      const payload = encodePayload({ step, sizeBytes: this.sizeBytes });
      const id = parseStreamId(step.stream);
      this.port.send(encodeFrame(FrameKind.open, this.lun, id, 0, 0, 0, payload), null);
      this.stream = step.stream;
      this.sentThrough = 0;
      if (step.stream === stream) return;
    }
  }
}
