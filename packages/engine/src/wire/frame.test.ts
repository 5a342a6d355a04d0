/** The frame's bytes (SPEC L4): what is encoded comes back whole, and no damage to a header goes unseen. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32c, crc32cShort } from "./checksum.ts";
import {
  decodeHeader,
  emptyHeader,
  encodeFrame,
  encodeHeader,
  FrameKind,
  HEADER_BYTES,
  isNumbered,
  lunBytes,
  lunUuidAt,
  lunWordOf,
  MAX_PAYLOAD_BYTES,
  payloadMatches,
} from "./frame.ts";

const LUN = "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9";
const KINDS = Object.values(FrameKind).filter((kind) => kind !== FrameKind.none);
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

/** A frame of any kind, its payload and range as that kind demands. */
const anyFrame = fc
  .record({
    kind: fc.constantFrom(...KINDS),
    lun: fc.uuid(),
    stream: fc.record({ hi: u32, lo: u32 }),
    number: fc.maxSafeNat(),
    offset: fc.maxSafeNat(),
    length: u32,
    payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  })
  .map((frame) => {
    const carries = frame.kind === FrameKind.write || frame.kind === FrameKind.copy;
    if (carries) return { ...frame, length: frame.payload.length };
    return isNumbered(frame.kind) ? { ...frame, payload: Buffer.alloc(0) } : frame;
  });

function sample(
  kind: FrameKind = FrameKind.write,
  payload = Buffer.from("what was written"),
): Buffer {
  const stream = { hi: 0x8000_0001, lo: 0xffff_ffff };
  return encodeFrame(kind, lunBytes(LUN), stream, 2 ** 52 + 3, 2 ** 40, payload.length, payload);
}

/** Makes a changed header pass its checksum, as only a peer with a bug could. */
function seal(frame: Buffer): Buffer {
  frame.writeUInt32LE(crc32cShort(frame, 0, HEADER_BYTES - 4), HEADER_BYTES - 4);
  return frame;
}

describe("a checksum", () => {
  it("[L4] is CRC-32C in both of its forms", () => {
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe306_9283);
    expect(crc32cShort(Buffer.from("x123456789x"), 1, 9)).toBe(0xe306_9283);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(crc32cShort(bytes, 0, bytes.length)).toBe(crc32c(Buffer.from(bytes)));
      }),
    );
  });
});

describe("a frame", () => {
  it("[L4] comes back as it was encoded, at any place in a buffer", () => {
    fc.assert(
      fc.property(anyFrame, fc.nat(70), (frame, at) => {
        const { kind, lun, stream, number, offset, length, payload } = frame;
        const bytes = Buffer.alloc(at + HEADER_BYTES, 0xee);
        encodeHeader(bytes, at, kind, lunBytes(lun), stream, number, offset, length, payload);
        const header = emptyHeader();
        expect(decodeHeader(bytes, at, header)).toBeNull();
        const { streamHi, streamLo, payloadLength, lunWord, payloadCrc } = header;
        expect(header).toEqual({
          ...{ kind, flags: 0, number, offset, length, lunWord, payloadCrc },
          ...{ streamHi, streamLo, payloadLength },
        });
        expect({ hi: streamHi, lo: streamLo }).toEqual(stream);
        expect(payloadLength).toBe(payload.length);
        expect(lunWord).toBe(lunWordOf(lunBytes(lun)));
        expect(lunUuidAt(bytes, at)).toBe(lun);
        expect(payloadMatches(header, payload)).toBe(true);
      }),
    );
  });

  it("[L4] is known for damaged whichever bit of its header is flipped", () => {
    const frame = sample();
    const header = emptyHeader();
    for (let bit = 0; bit < HEADER_BYTES * 8; bit++) {
      const damaged = Buffer.from(frame);
      const byte = bit >>> 3;
      damaged.writeUInt8((damaged[byte] as number) ^ (1 << (bit & 7)), byte);
      expect(decodeHeader(damaged, 0, header), `bit ${bit}`).toBe(
        byte < 4 ? "magic" : "header-checksum",
      );
    }
  });

  it("[L4] is known for damaged whichever bit of its payload is flipped", () => {
    const payload = Buffer.from("what was written");
    const header = emptyHeader();
    expect(decodeHeader(sample(FrameKind.write, payload), 0, header)).toBeNull();
    for (let bit = 0; bit < payload.length * 8; bit++) {
      const damaged = Buffer.from(payload);
      damaged.writeUInt8((damaged[bit >>> 3] as number) ^ (1 << (bit & 7)), bit >>> 3);
      expect(payloadMatches(header, damaged), `bit ${bit}`).toBe(false);
    }
    const { payloadCrc } = header;
    expect(decodeHeader(sample(FrameKind.write, Buffer.alloc(0)), 0, header)).toBeNull();
    expect(payloadMatches(header, Buffer.alloc(0))).toBe(true);
    expect(payloadMatches({ ...header, payloadCrc }, Buffer.alloc(0))).toBe(false);
  });

  it("[L4] is refused where its checksum holds and its content is none", () => {
    const header = emptyHeader();
    const faults = (change: (frame: Buffer) => void, kind: FrameKind = FrameKind.write) => {
      const frame = sample(kind);
      change(frame);
      return decodeHeader(seal(frame), 0, header);
    };
    expect(faults(() => undefined)).toBeNull();
    for (let kind = 0; kind < 256; kind++) {
      const known = (KINDS as number[]).includes(kind);
      const fault = faults((frame) => frame.writeUInt8(kind, 4));
      if (!known) expect(fault, `kind ${kind}`).toBe("kind");
      else expect(fault === null || fault === "payload-length", `kind ${kind}`).toBe(true);
    }
    expect(faults((frame) => frame.writeUInt16LE(1, 6))).toBe("kind");
    expect(faults((frame) => frame.writeUInt32LE(2 ** 21, 36))).toBe("number");
    expect(faults((frame) => frame.writeUInt32LE(2 ** 21, 44))).toBe("number");
    expect(faults((frame) => frame.writeUInt32LE(2 ** 21 - 1, 36))).toBeNull();
    expect(faults((frame) => frame.writeUInt32LE(15, 48))).toBe("payload-length");
    expect(faults((frame) => frame.writeUInt32LE(15, 52))).toBe("payload-length");
    for (const kind of KINDS) {
      const tooLong = (frame: Buffer) => frame.writeUInt32LE(MAX_PAYLOAD_BYTES + 1, 52);
      expect(faults(tooLong, kind), `kind ${kind}`).toBe("too-long");
    }
    for (const kind of [FrameKind.zero, FrameKind.unmap, FrameKind.flush, FrameKind.void]) {
      expect(faults(() => undefined, kind)).toBe("payload-length");
    }
  });

  it("[L4] leaves what is no frame alone: nothing throws", () => {
    const header = emptyHeader();
    const bytes = fc.uint8Array({ minLength: HEADER_BYTES, maxLength: HEADER_BYTES });
    fc.assert(
      fc.property(bytes, fc.boolean(), (garbage, sealed) => {
        const frame = Buffer.from(garbage);
        frame.set(sample().subarray(0, 4));
        expect(decodeHeader(frame, 0, header)).toBe("header-checksum");
        if (!sealed) return;
        const fault = decodeHeader(seal(frame), 0, header);
        if (fault === null) expect(header.payloadLength).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
      }),
    );
  });

  it("takes numbers for mirror requests only", () => {
    const numbered = KINDS.filter((kind) => isNumbered(kind));
    const { write, zero, unmap, flush, copy, copyZero, copyBegin, copyEnd } = FrameKind;
    expect(numbered).toEqual([
      ...[write, zero, unmap, flush, FrameKind.void],
      ...[copy, copyZero, copyBegin, copyEnd],
    ]);
  });

  it("names a LUN by a uuid, and by nothing else", () => {
    for (const wrong of ["", "x", LUN.slice(1), `${LUN}0`, LUN.replace("f", "g")]) {
      expect(() => lunBytes(wrong), wrong).toThrow("is no uuid");
    }
  });
});
