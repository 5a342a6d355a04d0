/**
 * Who may import whom, as ARCHITECTURE.md says it, checked on every import: packages only downwards, apps by nobody,
 * console and command line only the API's client and types, and nothing that touches the world in the engine's
 * deciding folders.
 */
import { posix } from "node:path";
import { type Complaint, lineOf, type Source, sources, tell, withoutComments } from "./sources.ts";

/** For each workspace, the workspaces it may import. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  "packages/model": [],
  "packages/block": ["model"],
  "packages/iscsi": ["model", "block"],
  "packages/engine": ["model", "block"],
  "packages/api": ["model"],
  "packages/db": ["model", "api"],
  "apps/datapath": ["model", "block", "iscsi", "engine"],
  "apps/backend": ["model", "api", "db"],
  "apps/web": ["model", "api"],
  "apps/cli": ["model", "api"],
  e2e: ["model", "block", "engine", "iscsi", "api"],
  bench: ["model"],
  scripts: [],
};

/** The API's entries that hold no server code; its others are open to these workspaces as types only. */
const CLIENT_ENTRIES: Record<string, readonly string[]> = {
  "apps/web": ["@lockstep/api/client"],
  "apps/cli": ["@lockstep/api/client", "@lockstep/api/local"],
};

const PURE = /^packages\/engine\/src\/(wire|heartbeat|lun|journal|dirty|roles|link)\//;
const PURE_MAY_IMPORT = /^(\.|@lockstep\/(model|block)$|@node-rs\/crc32$|zod$)/;
const WORLDLY: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b|\bnew Date\(\)|\bperformance\b/g, "asks a clock"],
  [/\bset(Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/g, "uses a timer"],
  [/\bMath\.random\b|\brandom(UUID|Bytes)\b/g, "uses chance"],
  [/\basync\s*(function|\(|[\w#]+\s*(\(|=>))|\bawait\s|\bnew Promise\b/g, "is asynchronous"],
  [/\bprocess\.\w+/g, "touches the process"],
];

interface Import {
  from: string;
  isType: boolean;
  line: number;
}

const IMPORT = new RegExp(
  [
    /\b(?:import|export)\s+(type\s)?(?:[^"'`;]*?\sfrom\s*)?["']([^"']+)["']/,
    /\bimport\(\s*["']([^"']+)["']\s*\)/,
    /new URL\(\s*["'](\.[^"']+\.ts)["']/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "g",
);

function importsOf(code: string): Import[] {
  return [...code.matchAll(IMPORT)].map((match) => ({
    from: match[2] ?? match[3] ?? match[4] ?? "",
    isType: match[1] !== undefined,
    line: lineOf(code, match.index),
  }));
}

/** The tests' stage, real servers and initiators, serves the bench as well. */
const MAY_REACH: Record<string, string> = { bench: "e2e/src/" };

/** A file that only tests use is held to the layers, but may touch the world to set its stage. */
function isTest(path: string): boolean {
  return /\.test\.tsx?$|\/testing\//.test(path);
}

function workspaceOf(path: string): string | null {
  return Object.keys(MAY_IMPORT).find((workspace) => path.startsWith(`${workspace}/`)) ?? null;
}

function wrongImport(path: string, workspace: string, { from, isType }: Import): string | null {
  if (from.startsWith(".")) {
    const target = posix.join(posix.dirname(path), from);
    const mayReach = MAY_REACH[workspace];
    if (mayReach !== undefined && target.startsWith(mayReach)) return null;
    return target.startsWith(`${workspace}/`) ? null : `reaches out of ${workspace} into ${target}`;
  }
  const named = /^@lockstep\/([a-z0-9-]+)/.exec(from)?.[1];
  if (named === undefined || named === posix.basename(workspace)) return null;
  if (!MAY_IMPORT[workspace]?.includes(named)) return `${workspace} may not import ${from}`;
  const entries = CLIENT_ENTRIES[workspace];
  if (named !== "api" || entries === undefined) return null;
  if (isType || isTest(path) || entries.includes(from)) return null;
  return `${workspace} may import only types from ${from}`;
}

function check(source: Source): Complaint[] {
  const { path } = source;
  const workspace = workspaceOf(path);
  if (workspace === null) return [];
  const code = withoutComments(source.text);
  const found: Complaint[] = [];
  const complain = (line: number, message: string) => {
    found.push({ path, line, message, severity: "error" });
  };
  const isPure = PURE.test(path) && !isTest(path);
  for (const item of importsOf(code)) {
    const wrong = wrongImport(path, workspace, item);
    if (wrong !== null) complain(item.line, wrong);
    if (!isPure) continue;
    if (!PURE_MAY_IMPORT.test(item.from))
      complain(item.line, `deciding code may not import ${item.from}`);
    if (/^\.\.?\/(.*\/)?io\//.test(item.from))
      complain(item.line, "deciding code may not import io");
  }
  if (!isPure) return found;
  const wordless = code.replace(/"(?:[^"\\\n]|\\.)*"/g, (text) => " ".repeat(text.length));
  for (const [pattern, what] of WORLDLY) {
    for (const match of wordless.matchAll(pattern)) {
      complain(lineOf(wordless, match.index), `deciding code ${what}: ${match[0]}`);
    }
  }
  return found;
}

const files = sources([".ts", ".tsx", ".mts"]);
const errors = tell(files.flatMap(check));
console.log(`layers: ${files.length} files, ${errors} errors`);
process.exitCode = errors === 0 ? 0 : 1;
