import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, FrameKind, lunBytes } from "./frame.ts";
import { LunIndex } from "./lun-index.ts";

/** Uuids of which several begin with the same four bytes, the word that is looked up first. */
const UUIDS = Array.from(
  { length: 12 },
  (_, i) => `0000000${i % 3}-0000-4000-8000-00000000000${i.toString(16)}`,
);

function find<T>(index: LunIndex<T>, uuid: string): T | undefined {
  const at = 7;
  const stream = { hi: 0, lo: 0 };
  const frame = encodeFrame(FrameKind.ack, lunBytes(uuid), stream, 0, 0, 0, null);
  const bytes = Buffer.concat([Buffer.alloc(at), frame]);
  return index.find(lunBytes(uuid).readUInt32LE(0), bytes, at);
}

describe("a LUN index", () => {
  it("finds what a map by uuid would, also where uuids begin alike", () => {
    const change = fc.record({
      uuid: fc.constantFrom(...UUIDS),
      value: fc.option(fc.nat(), { nil: null }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const index = new LunIndex<number>();
        const model = new Map<string, number>();
        for (const { uuid, value } of changes) {
          if (value === null) {
            index.delete(uuid);
            model.delete(uuid);
          } else {
            index.set(uuid, value);
            model.set(uuid, value);
          }
          for (const each of UUIDS) expect(find(index, each)).toBe(model.get(each));
          expect([...index.values()].sort()).toEqual([...model.values()].sort());
        }
      }),
    );
  });
});
