import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { lastWords } from "./log-file.ts";

const folder = mkdtempSync(join(tmpdir(), "lockstep-log-"));
afterAll(() => rmSync(folder, { recursive: true }));

const crash = [
  "x.ts:3",
  "  throw it",
  "  ^",
  "",
  "Error: out of luck",
  "    at a (b.ts:1:2) {",
  "  code: 'X'",
  "}",
  "",
  "Node.js v24.21.0",
].join("\n");

const json = '{"level":50,"msg":"no space left"}';

it.each([
  ["a sentence", "it is locked", { sentence: "it is locked", hint: null, isCrash: false }],
  ["a hint", "it is locked\nwait", { sentence: "it is locked", hint: "wait", isCrash: false }],
  ["a log line", json, { sentence: "no space left", hint: null, isCrash: false }],
  ["log lines", `${json}\nit is locked`, { sentence: "it is locked", hint: null, isCrash: false }],
  ["an uncaught error", crash, { sentence: "Error: out of luck", hint: null, isCrash: true }],
])("a process's last words are found behind %s", (_what, text, words) => {
  const path = join(folder, "a.log");
  writeFileSync(path, `of an earlier start\n${text}\n`);
  expect(lastWords(path, "of an earlier start\n".length)).toEqual(words);
});

it("a process that wrote nothing said nothing", () => {
  const path = join(folder, "b.log");
  writeFileSync(path, "of an earlier start\n");
  expect(lastWords(path, "of an earlier start\n".length)).toBeNull();
  expect(lastWords(join(folder, "none.log"), 0)).toBeNull();
});
