/**
 * The log of a process we start: a file that it writes to by itself, so that neither a full pipe nor the supervisor's
 * death can stop it (SPEC C4). It is rotated when a process starts, by size.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";

const ROTATE_ABOVE_BYTES = 16 * 2 ** 20;
const KEPT = 3;
/** How much of a log's end is read to find out why a process ended. */
const TAIL_BYTES = 64 * 2 ** 10;

export interface LogFile {
  path: string;
  fd: number;
  /** Where this start's lines begin. */
  startOffset: number;
}

export function openLog(path: string): LogFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  rotate(path);
  const fd = openSync(path, "a", 0o600);
  return { path, fd, startOffset: fstatSync(fd).size };
}

/** Closes our copy of the descriptor; the process that writes has its own. */
export function closeLog(log: LogFile): void {
  closeSync(log.fd);
}

function rotate(path: string): void {
  if (!existsSync(path) || statSync(path).size <= ROTATE_ABOVE_BYTES) return;
  for (let n = KEPT - 1; n >= 1; n--) {
    if (existsSync(`${path}.${n}`)) renameSync(`${path}.${n}`, `${path}.${n + 1}`);
  }
  renameSync(path, `${path}.1`);
}

export interface LastWords {
  sentence: string;
  /** The line below the sentence, where it has one. */
  hint: string | null;
  /** It ended by an error that nothing caught. */
  isCrash: boolean;
}

/** What a process wrote last since it was started; null when it wrote nothing. */
export function lastWords(path: string, startOffset: number): LastWords | null {
  if (!existsSync(path)) return null;
  const written = readFileSync(path).subarray(startOffset).subarray(-TAIL_BYTES).toString("utf8");
  const isCrash = /^\s+at .+:\d+:\d+\)?/m.test(written);
  const lines = written.split("\n").filter((line) => !isOfAStack(line));
  const last = lines.at(-1);
  if (last === undefined) return null;
  const before = lines.at(-2);
  // A refusal is one line, or two: sentence and hint. Log lines before it are JSON.
  if (isCrash || isJson(last) || before === undefined || isJson(before)) {
    return { sentence: sentenceOf(last), hint: null, isCrash };
  }
  return { sentence: before, hint: last, isCrash };
}

/** Node closes the report of an uncaught error with its stack, the error's fields and its own version. */
function isOfAStack(line: string): boolean {
  return line.trim() === "" || /^(\s|[}^]|Node\.js v\d)/.test(line);
}

function isJson(line: string): boolean {
  return line.startsWith("{");
}

/** Log lines are JSON with a message, or plain text. */
function sentenceOf(line: string): string {
  if (!isJson(line)) return line;
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null && "msg" in value) return String(value.msg);
  } catch {
    // Cut short by the end of its process: shown as it is.
  }
  return line;
}
