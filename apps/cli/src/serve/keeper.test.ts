import { expect, it } from "vitest";
import { pauseAfter } from "./keeper.ts";

it("the pause before a restart is never zero, doubles, and has a bound", () => {
  const pauses = Array.from({ length: 12 }, (_, failures) => pauseAfter(failures));
  expect(pauses[0]).toBeGreaterThan(0);
  expect(pauses[1]).toBe((pauses[0] ?? 0) * 2);
  expect(pauses.at(-1)).toBe(15_000);
});
