import { describe, expect, it } from "vitest";
import { plain } from "./painter.ts";
import { duration, moment, percent, share, sizeOr } from "./quantities.ts";
import { facts, table } from "./table.ts";

describe("durations", () => {
  it.each([
    [null, "-"],
    [0, "0 ms"],
    [0.4237, "0.42 ms"],
    [850.4, "850 ms"],
    [12_340, "12.3 s"],
    [59_960, "1 min 00 s"],
    [245_000, "4 min 05 s"],
    [11_520_000, "3 h 12 min"],
    [187_200_000, "2 d 4 h"],
  ])("%s ms read as %s", (ms, text) => expect(duration(ms)).toBe(text));
});

it("what is unknown is a dash, and done is 100% only when all is done", () => {
  expect([sizeOr(null), share(null), moment(null)]).toEqual(["-", "-", "-"]);
  expect(percent(999, 1000)).toBe("99%");
  expect(percent(0, 0)).toBe("100%");
});

it("a table aligns what is seen, not the colour codes, and leaves no trailing blanks", () => {
  const red = "\u001b[31mred\u001b[39m";
  const text = table(
    [{ title: "A" }, { title: "N", align: "right" }, { title: "END" }],
    [
      [red, "1", "x"],
      ["longer", "100", ""],
    ],
    plain,
  );
  expect(text.split("\n")).toEqual(["A         N  END", `${red}       1  x`, "longer  100"]);
});

it("facts without a value are left out", () => {
  expect(
    facts(
      [
        ["a", "1"],
        ["bcd", null],
        ["ef", "2"],
      ],
      plain,
    ),
  ).toBe("a   1\nef  2");
});
