import fc from "fast-check";
import { expect, it } from "vitest";
import { JsonLines } from "./json-lines.ts";

it("yields the same values however the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.array(fc.nat(40)), (values, cuts) => {
      const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
      const lines = new JsonLines();
      const seen: unknown[] = [];
      let at = 0;
      for (const cut of cuts) {
        seen.push(...lines.push(bytes.subarray(at, at + cut)));
        at += cut;
      }
      seen.push(...lines.push(bytes.subarray(at)));
      expect(seen).toEqual(values.map((value) => JSON.parse(JSON.stringify(value))));
    }),
  );
});
