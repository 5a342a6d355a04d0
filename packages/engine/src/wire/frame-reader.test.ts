/** Frames out of a stream of bytes (SPEC L4): however the stream is cut, whatever is wrong with it. */
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { crc32cShort } from "./checksum.ts";
import {
  encodeFrame,
  type FrameFault,
  FrameKind,
  HEADER_BYTES,
  lunBytes,
  lunUuidAt,
  MAX_PAYLOAD_BYTES,
} from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";

const LUN = "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9";
const STREAM = { hi: 1, lo: 2 };

function frame(number: number, payload: Buffer): Buffer {
  return encodeFrame(FrameKind.write, lunBytes(LUN), STREAM, number, 0, payload.length, payload);
}

interface Got {
  number: number;
  lun: string;
  payload: Buffer;
}

/** A reader that keeps all it gets, payloads not copied. */
function reading(maxPayloadBytes = MAX_PAYLOAD_BYTES, stopAt = 0) {
  const got: Got[] = [];
  const reader = new FrameReader((header, bytes, at, payload) => {
    got.push({ number: header.number, lun: lunUuidAt(bytes, at), payload });
    return header.number !== stopAt;
  }, maxPayloadBytes);
  return { got, reader };
}

const PAYLOADS = [5, 0, 1, HEADER_BYTES, 0, 150, 3].map((length, i) => Buffer.alloc(length, i + 1));
const FRAMES = PAYLOADS.map((payload, i) => frame(i + 1, payload));
const STREAMED = Buffer.concat(FRAMES);
const EXPECTED: Got[] = PAYLOADS.map((payload, i) => ({ number: i + 1, lun: LUN, payload }));
/** Where the frames end in the stream. */
const ENDS = new Set(FRAMES.map((_, i) => Buffer.concat(FRAMES.slice(0, i + 1)).length));

/** The stream in chunks of its own memory each, cut at `cuts`. */
function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((end, i) => Buffer.from(bytes.subarray(edges[i], end)));
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a frame reader", () => {
  it("[L4] finds the same frames wherever the stream is cut in two", () => {
    for (let cut = 0; cut <= STREAMED.length; cut++) {
      const { got, reader } = reading();
      const [first, second] = cutAt(STREAMED, [cut]) as [Buffer, Buffer];
      expect(reader.push(first)).toBeNull();
      expect(reader.midFrame, `cut at ${cut}`).toBe(cut > 0 && !ENDS.has(cut));
      expect(reader.push(second)).toBeNull();
      expect(reader.midFrame).toBe(false);
      expect(got, `cut at ${cut}`).toEqual(EXPECTED);
    }
  });

  it("[L4] finds the same frames however the stream is cut", () => {
    const cuts = fc.array(fc.nat(STREAMED.length), { maxLength: 60 });
    const singly = Array.from({ length: STREAMED.length }, (_, i) => i);
    fc.assert(
      fc.property(cuts, (at) => {
        const { got, reader } = reading();
        for (const chunk of cutAt(STREAMED, at)) expect(reader.push(chunk)).toBeNull();
        expect(got).toEqual(EXPECTED);
      }),
      { examples: [[singly]] },
    );
  });

  it("[L4] hands no frame on whose header or payload is damaged, and none after it", () => {
    const whole = fc.constantFrom<number[]>([], [HEADER_BYTES + 3], [20], [20, HEADER_BYTES + 2]);
    const bit = fc.nat(STREAMED.length * 8 - 1);
    fc.assert(
      fc.property(whole, bit, (cuts, flipped) => {
        const bytes = Buffer.from(STREAMED);
        const at = flipped >>> 3;
        bytes.writeUInt8((bytes[at] as number) ^ (1 << (flipped & 7)), at);
        const { got, reader } = reading();
        let fault: FrameFault | null = null;
        for (const chunk of cutAt(bytes, cuts)) fault ??= reader.push(chunk);
        const before = [...ENDS].filter((end) => end <= at).length;
        expect(fault).not.toBeNull();
        expect(got).toEqual(EXPECTED.slice(0, before));
      }),
      { numRuns: 400 },
    );
  });

  it("[L4] refuses a payload that is too long before it holds any of it", () => {
    const allocated = vi.spyOn(Buffer, "allocUnsafeSlow");
    for (const cuts of [[], [10], [HEADER_BYTES]]) {
      const { got, reader } = reading(100);
      const [first, ...rest] = cutAt(frame(1, Buffer.alloc(101)), cuts) as [Buffer, ...Buffer[]];
      let fault = reader.push(first);
      for (const chunk of rest) fault ??= reader.push(chunk);
      expect(fault).toBe("too-long");
      expect(got).toEqual([]);
    }
    expect(allocated).not.toHaveBeenCalled();
    const { got, reader } = reading(100);
    const allowed = frame(1, Buffer.alloc(100));
    for (const chunk of cutAt(allowed, [HEADER_BYTES + 1])) expect(reader.push(chunk)).toBeNull();
    expect(got).toHaveLength(1);
    expect(allocated.mock.calls).toEqual([[100]]);
  });

  it("[L4] lets longer payloads in once the other side has proven itself", () => {
    const { got, reader } = reading(100);
    reader.maxPayloadBytes = 200;
    expect(reader.push(frame(1, Buffer.alloc(200)))).toBeNull();
    expect(got).toHaveLength(1);
    expect(reader.push(frame(1, Buffer.alloc(201)))).toBe("too-long");
  });

  it("stops for good where it is told to", () => {
    for (const cuts of [[], [30], [100], [200]]) {
      const { got, reader } = reading(MAX_PAYLOAD_BYTES, 2);
      for (const chunk of cutAt(STREAMED, cuts)) expect(reader.push(chunk)).toBeNull();
      expect(reader.push(Buffer.from(STREAMED))).toBeNull();
      expect(got.map(({ number }) => number)).toEqual([1, 2]);
    }
  });

  it("[L4] never throws at garbage, and holds no more than one frame of it", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(...FRAMES),
      fc.tuple(fc.nat(HEADER_BYTES - 1), fc.nat(255)).map(([at, value]) => {
        // A header with a byte changed and its checksum made to fit.
        const changed = Buffer.from(FRAMES[0] as Buffer);
        changed.writeUInt8(value, at);
        changed.writeUInt32LE(crc32cShort(changed, 0, HEADER_BYTES - 4), HEADER_BYTES - 4);
        return changed;
      }),
    );
    const allocated = vi.spyOn(Buffer, "allocUnsafeSlow");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        allocated.mockClear();
        const { reader } = reading(1000);
        let fault: FrameFault | null = null;
        for (const chunk of pieces) if (fault === null) fault = reader.push(chunk);
        for (const [bytes] of allocated.mock.calls) expect(bytes).toBeLessThanOrEqual(1000);
      }),
    );
  });
});
