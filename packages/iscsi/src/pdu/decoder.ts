/**
 * Cuts a stream of received chunks into PDUs without copying what lies whole in one chunk. A data segment spread over
 * chunks is gathered once, into the buffer its receiver names. It can be paused in the middle of a chunk, and told to
 * hold PDUs back as the bytes they came in, so that another thread can go on with them (SPEC S1).
 */
import assert from "node:assert/strict";
import { DIGEST_BYTES, digestOf, digestOfTwo } from "./digest.ts";
import { ahsBytesOf, dataLengthOf, HEADER_BYTES, MAX_AHS_BYTES, paddingOf } from "./pdu.ts";

export type DecodeFailure = "header-digest" | "data-digest" | "data-too-long";

export interface PduSink {
  /** A whole PDU: its header at `at` of `header`, its data in `data`; `header` is only valid during the call. */
  onPdu(header: Buffer, at: number, data: Buffer, dataAt: number, dataLength: number): void;
  /**
   * A buffer for a data segment that comes in pieces: at least `decoder.gatherAt + dataLength` long. The receiver may
   * set `decoder.gatherAt`, which is 0 before the call.
   */
  gatherInto(header: Buffer, at: number, dataLength: number): Buffer;
  /** While holding: whether this PDU is to be delivered all the same. */
  wantsWhileHolding(header: Buffer, at: number): boolean;
  /** The stream can't be read on. */
  onDecodeFailure(failure: DecodeFailure): void;
}

const EMPTY = Buffer.alloc(0);

export class PduDecoder {
  readonly #sink: PduSink;
  /** Longest data segment taken, in bytes: checked before anything is buffered. */
  maxDataBytes: number;
  headerDigest = false;
  dataDigest = false;
  /** Where in the buffer of `gatherInto` the data begins. */
  gatherAt = 0;

  #stopped = false;
  #paused = false;
  /** A chunk is being cut at this moment. */
  #consuming = false;
  #holding = false;
  /** Raw bytes of held PDUs, in order, and how many they are. */
  #held: Buffer[] = [];
  heldBytes = 0;
  /** Chunks that came while paused. */
  #backlog: Buffer[] = [];

  /** A header that came in pieces. */
  readonly #ownHeader = Buffer.allocUnsafeSlow(HEADER_BYTES + MAX_AHS_BYTES + DIGEST_BYTES);
  #ownHeaderBytes = 0;
  /** The header of the PDU whose data is awaited; null between PDUs. */
  #header: Buffer | null = null;
  #headerAt = 0;
  #headerBytes = 0;
  #dataLength = 0;
  /** Data with padding and digest. */
  #wireLength = 0;
  /** Bytes of `#wireLength` received so far, when the data comes in pieces. */
  #gathered = 0;
  #gather: Buffer = EMPTY;
  /** Padding and digest of gathered data. */
  readonly #tail = Buffer.alloc(3 + DIGEST_BYTES);

  constructor(sink: PduSink, maxDataBytes: number) {
    this.#sink = sink;
    this.maxDataBytes = maxDataBytes;
  }

  /** Takes a chunk; it may never be changed afterwards. */
  push(chunk: Buffer): void {
    if (this.#stopped) return;
    if (this.#paused || this.#backlog.length > 0) {
      this.#backlog.push(chunk);
      return;
    }
    this.#consume(chunk);
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Delivers nothing more until `resume`, not even from the chunk at hand. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (this.#consuming) return;
    while (!this.#paused && !this.#stopped) {
      const chunk = this.#backlog.shift();
      if (!chunk) return;
      this.#consume(chunk);
    }
  }

  /** Drops all that is left and all that may come. */
  stop(): void {
    this.#stopped = true;
    this.#backlog = [];
    this.#held = [];
    this.#gather = EMPTY;
  }

  /** From the next whole PDU on, holds back what the sink does not want. */
  hold(): void {
    this.#holding = true;
  }

  /** All bytes received and not delivered, in order: held PDUs, the unfinished one, chunks that waited. */
  takeUndelivered(): Buffer {
    const parts = [...this.#held];
    if (this.#header) {
      parts.push(this.#header.subarray(this.#headerAt, this.#headerAt + this.#headerBytes));
      const data = Math.min(this.#gathered, this.#dataLength);
      parts.push(this.#gather.subarray(this.gatherAt, this.gatherAt + data));
      parts.push(this.#tail.subarray(0, this.#gathered - data));
    } else {
      parts.push(this.#ownHeader.subarray(0, this.#ownHeaderBytes));
    }
    const bytes = Buffer.concat([...parts, ...this.#backlog]);
    this.stop();
    return bytes;
  }

  #consume(chunk: Buffer): void {
    this.#consuming = true;
    this.#consumeFrom(chunk);
    this.#consuming = false;
  }

  #consumeFrom(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length || (this.#header && this.#wireLength === 0)) {
      if (this.#stopped) return;
      if (this.#paused) {
        this.#backlog.unshift(at === 0 ? chunk : chunk.subarray(at));
        return;
      }
      at = this.#header ? this.#takeData(chunk, at) : this.#takeHeader(chunk, at);
    }
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const left = chunk.length - at;
    const digest = this.headerDigest ? DIGEST_BYTES : 0;
    if (this.#ownHeaderBytes === 0 && left >= HEADER_BYTES) {
      const size = HEADER_BYTES + ahsBytesOf(chunk, at) + digest;
      if (left >= size) {
        this.#begin(chunk, at, size);
        return at + size;
      }
    }
    const have = this.#ownHeaderBytes;
    const size =
      have < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + ahsBytesOf(this.#ownHeader, 0) + digest;
    const taken = Math.min(size - have, left);
    chunk.copy(this.#ownHeader, have, at, at + taken);
    this.#ownHeaderBytes = have + taken;
    if (this.#ownHeaderBytes >= HEADER_BYTES) {
      const whole = HEADER_BYTES + ahsBytesOf(this.#ownHeader, 0) + digest;
      if (this.#ownHeaderBytes === whole) {
        this.#ownHeaderBytes = 0;
        this.#begin(this.#ownHeader, 0, whole);
      }
    }
    return at + taken;
  }

  #begin(header: Buffer, at: number, size: number): void {
    if (this.headerDigest) {
      const end = at + size - DIGEST_BYTES;
      if (digestOf(header.subarray(at, end)) !== header.readUInt32LE(end)) {
        this.#fail("header-digest");
        return;
      }
    }
    const length = dataLengthOf(header, at);
    if (length > this.maxDataBytes) {
      this.#fail("data-too-long");
      return;
    }
    this.#header = header;
    this.#headerAt = at;
    this.#headerBytes = size;
    this.#dataLength = length;
    const digest = this.dataDigest && length > 0 ? DIGEST_BYTES : 0;
    this.#wireLength = length + paddingOf(length) + digest;
    this.#gathered = 0;
  }

  #takeData(chunk: Buffer, at: number): number {
    const left = chunk.length - at;
    const wire = this.#wireLength;
    if (this.#gathered === 0 && left >= wire) {
      if (this.dataDigest && wire > 0) {
        const end = at + wire - DIGEST_BYTES;
        if (digestOf(chunk.subarray(at, end)) !== chunk.readUInt32LE(end)) {
          this.#fail("data-digest");
          return chunk.length;
        }
      }
      this.#deliver(chunk, at);
      return at + wire;
    }
    if (this.#gathered === 0) this.#beginGathering();
    const taken = Math.min(wire - this.#gathered, left);
    this.#gatherFrom(chunk, at, taken);
    if (this.#gathered === wire) this.#deliverGathered();
    return at + taken;
  }

  #beginGathering(): void {
    const header = this.#header as Buffer;
    this.gatherAt = 0;
    if (this.#holding && !this.#sink.wantsWhileHolding(header, this.#headerAt)) {
      this.#gather = Buffer.allocUnsafe(this.#dataLength);
      return;
    }
    this.#gather = this.#sink.gatherInto(header, this.#headerAt, this.#dataLength);
    assert(this.#gather.length >= this.gatherAt + this.#dataLength, "room for the data segment");
  }

  #gatherFrom(chunk: Buffer, at: number, taken: number): void {
    const data = Math.max(0, Math.min(taken, this.#dataLength - this.#gathered));
    if (data > 0) chunk.copy(this.#gather, this.gatherAt + this.#gathered, at, at + data);
    if (taken > data) {
      const tailAt = this.#gathered + data - this.#dataLength;
      chunk.copy(this.#tail, tailAt, at + data, at + taken);
    }
    this.#gathered += taken;
  }

  #deliverGathered(): void {
    if (this.dataDigest) {
      const padding = paddingOf(this.#dataLength);
      const data = this.#gather.subarray(this.gatherAt, this.gatherAt + this.#dataLength);
      const digest = digestOfTwo(data, this.#tail.subarray(0, padding));
      if (digest !== this.#tail.readUInt32LE(padding)) {
        this.#fail("data-digest");
        return;
      }
    }
    this.#deliver(this.#gather, this.gatherAt);
  }

  #deliver(data: Buffer, dataAt: number): void {
    const header = this.#header as Buffer;
    const held = this.#holding && !this.#sink.wantsWhileHolding(header, this.#headerAt);
    if (held) this.#keep(header, data, dataAt);
    this.#header = null;
    this.#gathered = 0;
    this.#gather = EMPTY;
    if (!held) this.#sink.onPdu(header, this.#headerAt, data, dataAt, this.#dataLength);
  }

  #keep(header: Buffer, data: Buffer, dataAt: number): void {
    const head = header.subarray(this.#headerAt, this.#headerAt + this.#headerBytes);
    // The decoder's own header and tail are used again for the next PDU.
    this.#held.push(header === this.#ownHeader ? Buffer.from(head) : head);
    if (this.#gathered > 0) {
      this.#held.push(data.subarray(dataAt, dataAt + this.#dataLength));
      this.#held.push(Buffer.from(this.#tail.subarray(0, this.#wireLength - this.#dataLength)));
    } else {
      this.#held.push(data.subarray(dataAt, dataAt + this.#wireLength));
    }
    this.heldBytes += this.#headerBytes + this.#wireLength;
  }

  #fail(failure: DecodeFailure): void {
    this.stop();
    this.#sink.onDecodeFailure(failure);
  }
}
