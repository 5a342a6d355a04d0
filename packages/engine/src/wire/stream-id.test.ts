import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatStreamId, parseStreamId, sameStream } from "./stream-id.ts";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const streamId = fc.record({ hi: u32, lo: u32 });

describe("a stream id", () => {
  it("[W2] comes back from its sixteen digits", () => {
    fc.assert(
      fc.property(streamId, (id) => {
        const digits = formatStreamId(id);
        expect(digits).toMatch(/^[0-9a-f]{16}$/);
        expect(parseStreamId(digits)).toEqual(id);
      }),
      { examples: [[{ hi: 0, lo: 0 }], [{ hi: 1, lo: 0xffff_ffff }]] },
    );
  });

  it("[W2] is the same as another only where both halves are", () => {
    const few = fc.record({ hi: fc.nat(2), lo: fc.nat(2) });
    fc.assert(
      fc.property(few, few, (a, b) => {
        expect(sameStream(a, b)).toBe(formatStreamId(a) === formatStreamId(b));
      }),
    );
  });

  it("is never made of anything else", () => {
    for (const wrong of ["", "0", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF"]) {
      expect(() => parseStreamId(wrong), wrong).toThrow("is no stream id");
    }
    expect(() => parseStreamId(" 123456789abcdef")).toThrow("is no stream id");
  });
});
