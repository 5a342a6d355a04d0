/**
 * Turns the chunks of a byte stream into frames. A frame that lies whole in one chunk is handed on as a part of that
 * chunk; one that spans chunks is collected once, into a buffer of its exact size, after its header was checked.
 */
import {
  decodeHeader,
  emptyHeader,
  type FrameFault,
  type FrameHeader,
  HEADER_BYTES,
  payloadMatches,
} from "./frame.ts";

/**
 * Receives a frame. `header` is reused for the next frame; `bytes` at `at` begins the header's own 64 bytes; `payload`
 * may be kept. Returning false stops the reader for good (the connection is being closed).
 */
export type FrameSink = (
  header: FrameHeader,
  bytes: Buffer,
  at: number,
  payload: Buffer,
) => boolean;

const empty = Buffer.alloc(0);

export class FrameReader {
  /** Longer payloads are refused: small until the other side has proven itself. */
  maxPayloadBytes: number;
  private readonly sink: FrameSink;
  private readonly header = emptyHeader();
  private readonly partialHeader = Buffer.allocUnsafe(HEADER_BYTES);
  private headerFilled = 0;
  private payload: Buffer | null = null;
  private payloadFilled = 0;
  private stopped = false;

  constructor(sink: FrameSink, maxPayloadBytes: number) {
    this.sink = sink;
    this.maxPayloadBytes = maxPayloadBytes;
  }

  /** Whether a frame has begun and not ended: where the stream ends now, it was torn. */
  get midFrame(): boolean {
    return this.headerFilled > 0;
  }

  /** Takes the next bytes. Returns the fault that ends the connection (SPEC L4), or null. */
  push(chunk: Buffer): FrameFault | null {
    let at = 0;
    while (at < chunk.length && !this.stopped) {
      if (this.payload !== null) {
        at = this.fillPayload(this.payload, chunk, at);
        if (this.payloadFilled < this.payload.length) return null;
        const fault = this.emitCollected(this.payload);
        if (fault !== null) return fault;
        continue;
      }
      if (this.headerFilled > 0 || chunk.length - at < HEADER_BYTES) {
        at = this.fillHeader(chunk, at);
        if (this.headerFilled < HEADER_BYTES) return null;
        const fault = this.beginCollected();
        if (fault !== null) return fault;
        continue;
      }
      const fault = this.decode(chunk, at);
      if (fault !== null) return fault;
      const end = at + HEADER_BYTES + this.header.payloadLength;
      if (end > chunk.length) {
        chunk.copy(this.partialHeader, 0, at, at + HEADER_BYTES);
        this.headerFilled = HEADER_BYTES;
        this.startPayload();
        at += HEADER_BYTES;
        continue;
      }
      const payload =
        this.header.payloadLength === 0 ? empty : chunk.subarray(at + HEADER_BYTES, end);
      if (!payloadMatches(this.header, payload)) return "payload-checksum";
      if (!this.sink(this.header, chunk, at, payload)) this.stopped = true;
      at = end;
    }
    return null;
  }

  private decode(bytes: Buffer, at: number): FrameFault | null {
    const fault = decodeHeader(bytes, at, this.header);
    if (fault !== null) return fault;
    return this.header.payloadLength > this.maxPayloadBytes ? "too-long" : null;
  }

  private fillHeader(chunk: Buffer, at: number): number {
    const taken = Math.min(HEADER_BYTES - this.headerFilled, chunk.length - at);
    chunk.copy(this.partialHeader, this.headerFilled, at, at + taken);
    this.headerFilled += taken;
    return at + taken;
  }

  private beginCollected(): FrameFault | null {
    const fault = this.decode(this.partialHeader, 0);
    if (fault !== null) return fault;
    if (this.header.payloadLength === 0) return this.emitCollected(empty);
    this.startPayload();
    return null;
  }

  private startPayload(): void {
    this.payload = Buffer.allocUnsafeSlow(this.header.payloadLength);
    this.payloadFilled = 0;
  }

  private fillPayload(payload: Buffer, chunk: Buffer, at: number): number {
    const taken = Math.min(payload.length - this.payloadFilled, chunk.length - at);
    chunk.copy(payload, this.payloadFilled, at, at + taken);
    this.payloadFilled += taken;
    return at + taken;
  }

  private emitCollected(payload: Buffer): FrameFault | null {
    this.headerFilled = 0;
    this.payload = null;
    if (!payloadMatches(this.header, payload)) return "payload-checksum";
    if (!this.sink(this.header, this.partialHeader, 0, payload)) this.stopped = true;
    return null;
  }
}
