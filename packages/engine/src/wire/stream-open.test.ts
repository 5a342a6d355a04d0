/** The payloads by which a stream is opened (SPEC W2): whole, or not taken at all. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodePayload,
  encodePayload,
  MirrorReport,
  OpenPayload,
  RefusedPayload,
} from "./stream-open.ts";

const streamText = fc.stringMatching(/^[0-9a-f]{16}$/);
const nullable = fc.option(streamText, { nil: null });

describe("a stream's opening", () => {
  it("[W2] comes back as it was encoded", () => {
    const step = fc.record({ stream: streamText, parent: nullable, parentLast: fc.maxSafeNat() });
    const open = fc.record({ step, sizeBytes: fc.maxSafeNat() });
    const report = fc.record({
      condition: fc.constantFrom("none", "sound", "copying", "unclean"),
      stream: nullable,
      applied: fc.maxSafeNat(),
    });
    fc.assert(
      fc.property(open, report, fc.string({ maxLength: 500 }), (opening, told, message) => {
        expect(decodePayload(OpenPayload, encodePayload(opening))).toEqual(opening);
        expect(decodePayload(MirrorReport, encodePayload(told))).toEqual(told);
        expect(decodePayload(RefusedPayload, encodePayload({ message }))).toEqual({ message });
      }),
    );
  });

  it("[W2] is null where it is anything else, and never throws", () => {
    const anything = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.json().map((json) => Buffer.from(json)),
    );
    fc.assert(
      fc.property(anything, (payload) => {
        expect(decodePayload(OpenPayload, payload)).toBeNull();
        expect(decodePayload(MirrorReport, payload)).toBeNull();
      }),
    );
    const step = { stream: "0123456789abcdef", parent: null, parentLast: 0 };
    const opening = { step, sizeBytes: 512 };
    const as = (value: unknown) => Buffer.from(JSON.stringify(value));
    expect(decodePayload(OpenPayload, as(opening))).toEqual(opening);
    for (const wrong of [
      { ...opening, sizeBytes: -1 },
      { ...opening, sizeBytes: 0.5 },
      { ...opening, step: { ...step, stream: "0123456789ABCDEF" } },
      { ...opening, step: { ...step, parent: "1" } },
      { ...opening, step: { ...step, parentLast: "0" } },
    ]) {
      expect(decodePayload(OpenPayload, as(wrong)), JSON.stringify(wrong)).toBeNull();
    }
    expect(decodePayload(OpenPayload, as(opening).subarray(0, -1))).toBeNull();
    expect(decodePayload(RefusedPayload, as({ message: "x".repeat(501) }))).toBeNull();
  });
});
