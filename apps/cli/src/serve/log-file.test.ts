import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { lastSentence } from "./log-file.ts";

const folder = mkdtempSync(join(tmpdir(), "lockstep-log-"));
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  ["a sentence", "first\nthe folder is locked\n", "the folder is locked"],
  ["a line of JSON", '{"level":50,"msg":"no space left"}\n', "no space left"],
  [
    "an uncaught error",
    "x.ts:3\n  throw it\n  ^\n\nError: out of luck\n    at a (b.ts:1:2) {\n  code: 'X'\n}\n\nNode.js v24.21.0\n",
    "Error: out of luck",
  ],
])("the last sentence of a log is found behind %s", (_what, text, sentence) => {
  const path = join(folder, "a.log");
  writeFileSync(path, `of an earlier start\n${text}`);
  expect(lastSentence(path, "of an earlier start\n".length)).toBe(sentence);
});

it("a process that wrote nothing said nothing", () => {
  const path = join(folder, "b.log");
  writeFileSync(path, "of an earlier start\n");
  expect(lastSentence(path, "of an earlier start\n".length)).toBeNull();
  expect(lastSentence(join(folder, "none.log"), 0)).toBeNull();
});
