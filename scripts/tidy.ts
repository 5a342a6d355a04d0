/**
 * House rules that no linter knows: how long files and comments may get, no work left for later, no test switched off, no
 * silenced check, nothing of anybody's machine.
 */
import { type Complaint, lineOf, type Source, sources, tell, withoutComments } from "./sources.ts";

const WARN_ABOVE_LINES = 400;
const FAIL_ABOVE_LINES = 600;
/** The formatter breaks code at 100 columns and leaves texts alone; comments are for their author to break. */
const LONGEST_COMMENT = 125;

interface Rule {
  pattern: RegExp;
  message: string;
  /** Whether words in comments count too. */
  comments: boolean;
}

/** Written in two halves so that this file keeps its own rules. */
const word = (first: string, second: string) => first + second;

const RULES: readonly Rule[] = [
  {
    pattern: new RegExp(
      `\\b(${[word("TO", "DO"), word("FIX", "ME"), word("X", "XX"), word("HA", "CK")].join("|")})\\b`,
      "g",
    ),
    message: "work left for later: do it, or open an issue",
    comments: true,
  },
  {
    pattern: /\b(it|test|describe)\.(skip|only|todo|fails)\b/g,
    message: "a test that does not count",
    comments: false,
  },
  {
    pattern: new RegExp(
      `@ts-${word("ig", "nore")}|@ts-${word("no", "check")}|@ts-${word("expect", "-error")}`,
      "g",
    ),
    message: "a silenced type check",
    comments: true,
  },
  {
    pattern: new RegExp(`\\b(biome|oxlint|eslint)-${word("(ignore|dis", "able)")}`, "g"),
    message: "a silenced lint rule",
    comments: true,
  },
  {
    pattern: /(?<![\w.])\/(work|home|Users|root)\/\w/g,
    message: "a path of somebody's machine",
    comments: true,
  },
];

function check({ path, text }: Source): Complaint[] {
  const isCode = /\.(ts|tsx|js|mjs)$/.test(path);
  const found: Complaint[] = [];
  const lines = text.split("\n");
  if (isCode && lines.length > WARN_ABOVE_LINES) {
    const severity = lines.length > FAIL_ABOVE_LINES ? "error" : "warning";
    const message = `${lines.length} lines: over ${WARN_ABOVE_LINES} needs a reason, over ${FAIL_ABOVE_LINES} is split`;
    found.push({ path, line: 1, message, severity });
  }
  if (isCode) found.push(...longComments(path, lines));
  const code = isCode ? withoutComments(text) : text;
  for (const { pattern, message, comments } of RULES) {
    const looked = comments ? text : code;
    for (const match of looked.matchAll(pattern)) {
      found.push({
        path,
        line: lineOf(looked, match.index),
        message: `${message}: ${match[0]}`,
        severity: "error",
      });
    }
  }
  return found;
}

function longComments(path: string, lines: readonly string[]): Complaint[] {
  return lines.flatMap((line, index) => {
    if (line.length <= LONGEST_COMMENT || !/^\s*(\/\*\*?|\*|\/\/)/.test(line)) return [];
    const message = `a comment of ${line.length} columns, more than ${LONGEST_COMMENT}`;
    return [{ path, line: index + 1, message, severity: "error" as const }];
  });
}

const files = sources([
  ".ts",
  ".tsx",
  ".js",
  ".mjs",
  ".css",
  ".md",
  ".json",
  ".yml",
  ".service",
  "Dockerfile",
]);
const complaints = files.flatMap(check);
const errors = tell(complaints);
console.log(
  `tidy: ${files.length} files, ${errors} errors, ${complaints.length - errors} warnings`,
);
process.exitCode = errors === 0 ? 0 : 1;
