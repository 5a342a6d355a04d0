import { describe, expect, it } from "vitest";
import { buildPdu } from "../testing/wire-client.ts";
import { type DecodeFailure, PduDecoder } from "./decoder.ts";
import { firstWord, opcodeOf, opcodes } from "./pdu.ts";

interface Seen {
  readonly opcode: number;
  readonly tag: number;
  readonly data: string;
}

/** A stream of PDUs with and without data, padding, and additional header segments. */
function recordedStream(digests: { header: boolean; data: boolean }): Buffer {
  const sizes = [0, 1, 3, 4, 17, 0, 0, 64];
  const pdus = sizes.map((size, tag) =>
    buildPdu(
      { first: firstWord(opcodes.nopOut, 0x80), initiatorTag: tag },
      Buffer.alloc(size, `${tag}abc`),
      digests,
    ),
  );
  if (!digests.header) {
    const withAhs = Buffer.concat([
      buildPdu({ first: firstWord(opcodes.scsiCommand, 0x80), initiatorTag: 99 }, Buffer.alloc(0), {
        header: false,
        data: false,
      }),
      Buffer.alloc(8, 7),
    ]);
    withAhs[4] = 2;
    pdus.splice(3, 0, withAhs);
  }
  return Buffer.concat(pdus);
}

function decoderInto(seen: Seen[], failures: DecodeFailure[] = []) {
  const decoder: PduDecoder = new PduDecoder(
    {
      onPdu(header, at, data, dataAt, length) {
        seen.push({
          opcode: opcodeOf(header, at),
          tag: header.readUInt32BE(at + 16),
          data: data.toString("latin1", dataAt, dataAt + length),
        });
      },
      gatherInto(_header, _at, length) {
        // A place in a larger buffer, as a write's data has.
        decoder.gatherAt = 5;
        return Buffer.alloc(length + 5);
      },
      wantsWhileHolding: () => false,
      onDecodeFailure: (failure) => failures.push(failure),
    },
    1024,
  );
  return decoder;
}

const variants = [
  { header: false, data: false },
  { header: true, data: true },
  { header: true, data: false },
  { header: false, data: true },
];

describe("PduDecoder", () => {
  it.each(variants)("reads the same PDUs whatever the chunks, digests %o", (digests) => {
    const stream = recordedStream(digests);
    const whole: Seen[] = [];
    const first = decoderInto(whole);
    first.headerDigest = digests.header;
    first.dataDigest = digests.data;
    first.push(stream);
    expect(whole.length).toBe(digests.header ? 8 : 9);
    for (let a = 0; a <= stream.length; a++) {
      for (const step of [1, 7, 48, stream.length]) {
        const seen: Seen[] = [];
        const decoder = decoderInto(seen);
        decoder.headerDigest = digests.header;
        decoder.dataDigest = digests.data;
        decoder.push(stream.subarray(0, a));
        for (let at = a; at < stream.length; at += step) {
          decoder.push(stream.subarray(at, at + step));
        }
        expect(seen).toEqual(whole);
      }
    }
  });

  it.each(variants)("gives back all bytes it held, whatever the chunks, digests %o", (digests) => {
    const stream = recordedStream(digests);
    for (let cut = 0; cut <= stream.length; cut++) {
      const seen: Seen[] = [];
      const decoder = decoderInto(seen);
      decoder.headerDigest = digests.header;
      decoder.dataDigest = digests.data;
      // Nothing of the stream is delivered before; the unfinished PDU may be of either time.
      decoder.push(stream.subarray(0, Math.min(cut, 20)));
      decoder.hold();
      decoder.push(stream.subarray(Math.min(cut, 20), cut));
      expect(decoder.takeUndelivered().equals(stream.subarray(0, cut))).toBe(true);
      expect(seen).toEqual([]);
    }
  });

  it("delivers nothing while paused, and the rest of the chunk afterwards", () => {
    const stream = recordedStream({ header: false, data: false });
    const seen: Seen[] = [];
    const decoder = decoderInto(seen);
    decoder.pause();
    decoder.push(stream.subarray(0, 100));
    decoder.push(stream.subarray(100));
    expect(seen).toEqual([]);
    decoder.resume();
    expect(seen.length).toBe(9);
  });

  it("refuses a data segment that is too long before it buffers any of it", () => {
    const failures: DecodeFailure[] = [];
    const decoder = decoderInto([], failures);
    decoder.push(buildPdu({ dataLength: 1025 }, Buffer.alloc(0), { header: false, data: false }));
    expect(failures).toEqual(["data-too-long"]);
  });

  it.each([
    ["header-digest", 3],
    ["data-digest", 54],
  ] as const)("notices a wrong %s", (failure, at) => {
    const pdu = buildPdu({}, Buffer.alloc(16, 1), { header: true, data: true });
    pdu[at] = (pdu[at] as number) ^ 1;
    for (const cut of [0, 20, 60]) {
      const failures: DecodeFailure[] = [];
      const seen: Seen[] = [];
      const decoder = decoderInto(seen, failures);
      decoder.headerDigest = true;
      decoder.dataDigest = true;
      decoder.push(pdu.subarray(0, cut));
      decoder.push(pdu.subarray(cut));
      expect(failures).toEqual([failure]);
      expect(seen).toEqual([]);
    }
  });
});
