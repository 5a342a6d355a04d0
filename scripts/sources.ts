/** The repository's own files, with their text: what `layers` and `tidy` read. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./run.ts";

export interface Source {
  /** From the repository's root, with forward slashes. */
  path: string;
  text: string;
}

/** Something wrong at a place. */
export interface Complaint {
  path: string;
  line: number;
  message: string;
  severity: "error" | "warning";
}

const NOT_OURS = new Set([
  "node_modules",
  ".git",
  ".next",
  ".turbo",
  ".lockstep",
  "out",
  "coverage",
]);
const GENERATED = new Set(["package-lock.json", "next-env.d.ts"]);

export function sources(extensions: readonly string[], folder = ""): Source[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : sources(extensions, path);
      const wanted = extensions.some((extension) => entry.name.endsWith(extension));
      if (!entry.isFile() || !wanted || GENERATED.has(entry.name)) return [];
      return [{ path, text: readFileSync(join(ROOT, path), "utf8") }];
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The same text with comments blanked out, line for line, so that words about code are not taken for code. */
export function withoutComments(text: string): string {
  const blank = (comment: string) => comment.replace(/[^\n]/g, " ");
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (match, quoted: string | undefined) => (quoted === undefined ? blank(match) : match),
  );
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

/** Prints the complaints and returns how many are errors. */
export function tell(complaints: readonly Complaint[]): number {
  for (const { path, line, message, severity } of complaints) {
    console.error(`${path}:${line}: ${severity}: ${message}`);
  }
  return complaints.filter(({ severity }) => severity === "error").length;
}
