/**
 * Holds the documents to the repository: every claim of the patent has its row in `docs/claims.md` with rules, files and
 * tests that exist, and every file and heading that a document names is there. What a test shows it cannot tell.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "./run.ts";
import { sources } from "./sources.ts";

const CLAIMS = 47;
const claimsPage = read("docs/claims.md");
const rules = new Set(
  [...read("packages/engine/SPEC.md").matchAll(/^- ([A-Z]\d+) /gm)].map(([, id]) => id),
);

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** The text under a heading of the second level. */
function section(page: string, heading: string): string {
  const [, text = ""] = page.split(`\n## ${heading}\n`);
  return text.split("\n## ")[0] ?? "";
}

/** The cells of a table's rows, without head and rule. */
function rowsOf(page: string, heading: string): string[][] {
  const lines = section(page, heading)
    .split("\n")
    .filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("\\", "")),
  );
}

const words = (cell = ""): string[] => cell.split(",").flatMap((word) => word.trim() || []);
const plain = (cell = ""): string => cell.replaceAll("`", "");

/** The titles of a test file, as far as they are written out. */
function titlesOf(path: string): string[] {
  const calls = read(path).matchAll(/\b(?:it|test)\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/g);
  return [...calls].map(([, , title = ""]) => title.replace(/\\(.)/g, "$1"));
}

function testProblems(page: string): string[] {
  return rowsOf(page, "Tests").flatMap(([name, file, title = ""]) => {
    const path = plain(file);
    if (!existsSync(join(ROOT, path))) return [`test "${name}": there is no ${path}`];
    const found = titlesOf(path).filter((each) => each.includes(title)).length;
    return found === 1 ? [] : [`test "${name}": ${found} tests of ${path} have "${title}"`];
  });
}

function placeProblems(page: string): string[] {
  return rowsOf(page, "Places").flatMap(([name, file]) =>
    existsSync(join(ROOT, plain(file))) ? [] : [`place "${name}": there is no ${plain(file)}`],
  );
}

/** Names that are used and not explained, or explained and not used. */
function nameProblems(kind: string, used: string[], known: string[]): string[] {
  return [
    ...used.filter((name) => !known.includes(name)).map((name) => `${kind} "${name}" is unknown`),
    ...known.filter((name) => !used.includes(name)).map((name) => `${kind} "${name}" is unused`),
  ];
}

function claimProblems(page: string): string[] {
  const rows = rowsOf(page, "Claims");
  const numbers = rows.map(([number]) => Number(number));
  const missing = Array.from({ length: CLAIMS }, (_, index) => index + 1).filter(
    (number) => numbers.filter((each) => each === number).length !== 1,
  );
  const empty = rows.filter((cells) => [2, 3, 4].some((column) => !cells[column]));
  const column = (index: number) => rows.flatMap((cells) => words(cells[index]));
  const names = (heading: string) => rowsOf(page, heading).map(([name = ""]) => name);
  const remarks = [...section(page, "Remarks").matchAll(/^- (\w): /gm)].map(([, id = ""]) => id);
  return [
    ...missing.map((number) => `claim ${number} does not stand there once`),
    ...numbers.filter((number) => !(number >= 1 && number <= CLAIMS)).map((n) => `no claim ${n}`),
    ...empty.map(([number]) => `claim ${number} lacks a rule, a place or a test`),
    ...column(2).flatMap((id) => (rules.has(id) ? [] : [`rule ${id} is unknown`])),
    ...nameProblems("place", column(3), names("Places")),
    ...nameProblems("test", column(4), names("Tests")),
    ...nameProblems("remark", column(5), remarks),
    ...placeProblems(page),
    ...testProblems(page),
  ];
}

/** What tests leave behind is no document. */
const documents = sources([".md"]).filter(({ path }) => !path.startsWith("e2e/"));

/** As GitHub makes an anchor of a heading. */
function anchorsOf(page: string): string[] {
  return [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

const NAMES_A_FILE = /`((?:apps|packages|scripts|e2e|bench|docs|packaging)\/[\w./-]+)`/g;

function documentProblems(path: string, page: string): string[] {
  const prose = page.replace(/^```[\s\S]*?^```/gm, "");
  const named = [...prose.matchAll(NAMES_A_FILE)].flatMap(([, file = ""]) =>
    existsSync(join(ROOT, file)) ? [] : [`${path} names ${file}, which does not exist`],
  );
  const linked = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
    if (/^[a-z]+:/.test(link)) return [];
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? path : posix.join(posix.dirname(path), file);
    if (!existsSync(join(ROOT, target)))
      return [`${path} links to ${target}, which does not exist`];
    if (anchor === undefined || anchorsOf(read(target)).includes(anchor)) return [];
    return [`${path} links to #${anchor}, which ${target} does not have`];
  });
  return [...named, ...linked];
}

describe("the claims", () => {
  it("each have a row, with rules, files and tests that exist", () => {
    expect(rules.size).toBeGreaterThan(50);
    expect(claimProblems(claimsPage)).toEqual([]);
  });

  it.each([
    ["a missing claim", /^\| 17 .*\n/m, "", "claim 17 does not stand there once"],
    ["a rule that does not exist", "| H2 ", "| H99 ", "rule H99 is unknown"],
    [
      "a file that does not exist",
      "link-machine.ts",
      "no-machine.ts",
      "there is no packages/engine",
    ],
    [
      "a test file that does not exist",
      "03-cut-off",
      "03-cut-on",
      "there is no e2e/tests/03-cut-on",
    ],
    [
      "a title that does not exist",
      "[W5] synchronous, depth 1 ",
      "[W5] depth 1 ",
      'have "[W5] depth 1"',
    ],
    ["a title that is not the only one", "[W5] synchronous, depth 1 ", "[W5] ", "2 tests of e2e"],
    ["a name that is not explained", "| renewed ", "| renamed ", 'test "renamed" is unknown'],
    ["a remark that is not there", "- a: ", "- z: ", 'remark "a" is unknown'],
    ["a claim without a test", /\| n changes +\| c /, "|  | c ", "lacks a rule, a place or a test"],
  ])("would not pass with %s", (_what, from, to, problem) => {
    const changed = claimsPage.replace(from, to);
    expect(changed).not.toBe(claimsPage);
    expect(claimProblems(changed).join("\n")).toContain(problem);
  });
});

describe("the documents", () => {
  it.each(documents)("$path names and links only what is there", ({ path, text }) => {
    expect(documentProblems(path, text)).toEqual([]);
  });

  it("would not pass with a file, a link or a heading that is not there", () => {
    const page = "`scripts/none.ts` [a](docs/none.md) [b](#none) [c](docs/claims.md#none)";
    expect(documentProblems("README.md", page)).toHaveLength(4);
  });
});
