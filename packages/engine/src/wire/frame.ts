/**
 * The frame: what travels over a connection, and what a journal record is (the journal keeps the very bytes that
 * replay sends). A header of 64 bytes, little-endian, then the payload; each has a CRC-32C of its own (SPEC L4).
 *
 * ```
 *  0 u32 magic     8 16 bytes LUN uuid   24 u32 stream hi   32 u64 number    48 u32 range length, bytes
 *  4 u8  kind                            28 u32 stream lo   40 u64 offset    52 u32 payload length, bytes
 *  5 u8  flags                                                               56 u32 payload CRC-32C
 *  6 u16 zero                                                                60 u32 header CRC-32C of bytes 0..59
 * ```
 */
import { crc32c, crc32cShort } from "./checksum.ts";
import type { StreamId } from "./stream-id.ts";

export const FRAME_MAGIC = 0x4c_4b_46_31;
export const HEADER_BYTES = 64;
/** The longest payload: one host write or one block of a copy. Checked before anything is buffered. */
export const MAX_PAYLOAD_BYTES = 16 * 2 ** 20;

/** Kinds of frame. Numbers, because they stand on the wire and in the journal: never reuse one. */
export const FrameKind = {
  /** No frame; never on the wire. */
  none: 0,
  /** Mirror requests: numbered, applied in order, kept in the journal. */
  write: 1,
  zero: 2,
  unmap: 3,
  flush: 4,
  /** The number's local write failed: nothing to apply (SPEC W3). */
  void: 5,
  /** A block of a full copy, with its data; its number orders it among live writes (SPEC R3). */
  copy: 6,
  /** A range of a full copy that holds zeroes. */
  copyZero: 7,
  /** A full copy begins: what the mirror holds is not consistent until `copyEnd`. `offset`: the LUN's size, bytes. */
  copyBegin: 8,
  /** The full copy is whole; the mirror makes it stable before it answers. */
  copyEnd: 9,
  /** A stream begins here; the payload tells parent and last usable number. In the journal, and on the wire. */
  open: 16,
  /** Journal only: the local copy is stable up to this number (SPEC O3). */
  stable: 17,
  /** Primary to mirror: say what you hold (answered by `opened`, behind all answers to what came before). */
  query: 18,
  /** Mirror to primary. `number`: the last applied, `offset`: the last stable number of the stream. */
  opened: 32,
  ack: 33,
  /** The stream can't be gone on with; the payload says why. */
  refused: 34,
  /** The mirror failed to store `number` and froze the LUN (SPEC W8). */
  failed: 35,
  /** Handshake of a connection, before any LUN's frame (SPEC L3). */
  challenge: 48,
  proof: 49,
  welcome: 50,
  /** A message of the control channel, JSON; no LUN, no number. */
  control: 64,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

const kinds = new Set<number>(Object.values(FrameKind).filter((kind) => kind !== 0));
/** Frames whose range tells what they change; for these `offset` and `length` are bytes of the LUN. */
const requestKinds: readonly boolean[] = Array.from(
  { length: 256 },
  (_, kind) => kind >= 1 && kind <= 9,
);

/** Whether a frame of this kind takes a number of its stream. */
export function isNumbered(kind: number): boolean {
  return requestKinds[kind] === true;
}

/** A decoded header. One object is reused by each reader: copy what is to outlive the callback. */
export interface FrameHeader {
  kind: FrameKind;
  flags: number;
  /** First word of the LUN's uuid, for a quick look-up; the whole stands in the header's bytes. */
  lunWord: number;
  streamHi: number;
  streamLo: number;
  /** Number within the stream; u53. */
  number: number;
  /** Bytes; u53. */
  offset: number;
  /** Bytes. */
  length: number;
  payloadLength: number;
  payloadCrc: number;
}

export function emptyHeader(): FrameHeader {
  return {
    kind: FrameKind.none,
    flags: 0,
    lunWord: 0,
    streamHi: 0,
    streamLo: 0,
    number: 0,
    offset: 0,
    length: 0,
    payloadLength: 0,
    payloadCrc: 0,
  };
}

const TWO_32 = 2 ** 32;
/** Upper halves of u53 values. */
const MAX_HIGH = 2 ** 21;

/** A LUN's uuid as its 16 bytes on the wire. */
export function lunBytes(uuid: string): Buffer {
  const digits = uuid.replaceAll("-", "");
  const bytes = Buffer.from(digits, "hex");
  if (digits.length !== 32 || bytes.length !== 16) throw new Error(`"${uuid}" is no uuid`);
  return bytes;
}

/** The LUN's uuid of a header's bytes. */
export function lunUuidAt(bytes: Buffer, at: number): string {
  const hex = bytes.toString("hex", at + 8, at + 24);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** First word of a LUN's 16 bytes, as `FrameHeader.lunWord` has it. */
export function lunWordOf(lun: Buffer): number {
  return lun.readUInt32LE(0);
}

/** Writes a header into `target` (64 bytes from `at`) and seals it. `payload` may be null. */
export function encodeHeader(
  target: Buffer,
  at: number,
  kind: FrameKind,
  lun: Buffer,
  stream: StreamId,
  number: number,
  offset: number,
  length: number,
  payload: Buffer | null,
): void {
  target.writeUInt32LE(FRAME_MAGIC, at);
  target.writeUInt32LE(kind, at + 4);
  lun.copy(target, at + 8, 0, 16);
  target.writeUInt32LE(stream.hi, at + 24);
  target.writeUInt32LE(stream.lo, at + 28);
  writeUint53(target, number, at + 32);
  writeUint53(target, offset, at + 40);
  target.writeUInt32LE(length, at + 48);
  target.writeUInt32LE(payload === null ? 0 : payload.length, at + 52);
  target.writeUInt32LE(payload === null ? 0 : crc32c(payload), at + 56);
  target.writeUInt32LE(crc32cShort(target, at, HEADER_BYTES - 4), at + 60);
}

/** A whole frame in one new buffer. For cold paths. */
export function encodeFrame(
  kind: FrameKind,
  lun: Buffer,
  stream: StreamId,
  number: number,
  offset: number,
  length: number,
  payload: Buffer | null,
): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + (payload?.length ?? 0));
  encodeHeader(frame, 0, kind, lun, stream, number, offset, length, payload);
  payload?.copy(frame, HEADER_BYTES);
  return frame;
}

export type FrameFault =
  | "magic"
  | "header-checksum"
  | "kind"
  | "too-long"
  | "number"
  | "payload-length"
  | "payload-checksum";

/** Reads the header at `at` into `header`. Returns what is wrong with it, or null. */
export function decodeHeader(bytes: Buffer, at: number, header: FrameHeader): FrameFault | null {
  if (bytes.readUInt32LE(at) !== FRAME_MAGIC) return "magic";
  if (bytes.readUInt32LE(at + 60) !== crc32cShort(bytes, at, HEADER_BYTES - 4))
    return "header-checksum";
  const kind = bytes[at + 4] as number;
  if (!kinds.has(kind) || bytes.readUInt16LE(at + 6) !== 0) return "kind";
  const numberHigh = bytes.readUInt32LE(at + 36);
  const offsetHigh = bytes.readUInt32LE(at + 44);
  if (numberHigh >= MAX_HIGH || offsetHigh >= MAX_HIGH) return "number";
  header.kind = kind as FrameKind;
  header.flags = bytes[at + 5] as number;
  header.lunWord = bytes.readUInt32LE(at + 8);
  header.streamHi = bytes.readUInt32LE(at + 24);
  header.streamLo = bytes.readUInt32LE(at + 28);
  header.number = numberHigh * TWO_32 + bytes.readUInt32LE(at + 32);
  header.offset = offsetHigh * TWO_32 + bytes.readUInt32LE(at + 40);
  header.length = bytes.readUInt32LE(at + 48);
  header.payloadLength = bytes.readUInt32LE(at + 52);
  header.payloadCrc = bytes.readUInt32LE(at + 56);
  return lengthFault(header);
}

function lengthFault(header: FrameHeader): FrameFault | null {
  if (header.payloadLength > MAX_PAYLOAD_BYTES) return "too-long";
  const carriesRange = header.kind === FrameKind.write || header.kind === FrameKind.copy;
  if (carriesRange && header.payloadLength !== header.length) return "payload-length";
  if (!carriesRange && isNumbered(header.kind) && header.payloadLength !== 0)
    return "payload-length";
  return null;
}

/** Whether the payload is what its header says. */
export function payloadMatches(header: FrameHeader, payload: Buffer): boolean {
  return payload.length === 0 ? header.payloadCrc === 0 : crc32c(payload) === header.payloadCrc;
}

function writeUint53(target: Buffer, value: number, at: number): void {
  target.writeUInt32LE(value % TWO_32, at);
  target.writeUInt32LE((value / TWO_32) >>> 0, at + 4);
}
