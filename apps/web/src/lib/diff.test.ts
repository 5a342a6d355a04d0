import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differences } from "./diff.ts";

describe("[C3] before and after", () => {
  it("tells only what differs, by its path", () => {
    const before = { t1: 2000, t2: 500, nested: { a: [1], b: "x" } };
    const after = { t1: 3000, t2: 500, nested: { a: [1, 2], b: "x" }, fresh: true };
    expect(differences(before, after)).toEqual([
      { path: "t1", before: "2000", after: "3000" },
      { path: "nested.a", before: "[1]", after: "[1,2]" },
      { path: "fresh", before: null, after: "true" },
    ]);
  });

  it("tells what was created and what was removed", () => {
    expect(differences(null, { name: "db" })).toEqual([
      { path: "name", before: null, after: "db" },
    ]);
    expect(differences({ name: "db" }, null)).toEqual([
      { path: "name", before: "db", after: null },
    ]);
    expect(differences("sync", "async")).toEqual([{ path: "", before: "sync", after: "async" }]);
  });

  it("finds none between equals", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => differences(value, value).length === 0));
  });
});
