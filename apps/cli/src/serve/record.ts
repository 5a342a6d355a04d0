/**
 * `DIR/serve.json`: which processes were started last, and from what. A new supervisor reads it to adopt what a killed
 * one left running and to tell whether that still fits (SPEC C4). A process is told from a later one with the same id
 * by its start time.
 */
import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ServeOptions, VERSION } from "@lockstep/model";

const FILE = "serve.json";

export type Role = "datapath" | "backend";

export interface ProcessRecord {
  pid: number;
  /** Start time in clock ticks since boot, as /proc tells it. */
  startTicks: string;
  /** Of the version and options it was started with. */
  fingerprint: string;
}

export type ServeRecord = Record<Role, ProcessRecord | null>;

/** A digest of all that a process is started from; the options hold a database's password, a digest does not. */
export function fingerprintOf(options: ServeOptions): string {
  const entries = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([VERSION, process.version, entries]))
    .digest("hex");
}

/** What was written last; nothing when there is no file, or none that can be read. */
export function readRecord(data: string): ServeRecord {
  let value: unknown = null;
  try {
    value = JSON.parse(readFileSync(join(data, FILE), "utf8"));
  } catch {
    // A first start, or a file cut short: what runs is then asked of the data path.
  }
  return { datapath: processOf(value, "datapath"), backend: processOf(value, "backend") };
}

function processOf(record: unknown, role: Role): ProcessRecord | null {
  const { pid, startTicks, fingerprint } = fieldsOf(fieldsOf(record)[role]);
  if (typeof pid !== "number" || !Number.isInteger(pid) || pid < 1) return null;
  if (typeof startTicks !== "string" || typeof fingerprint !== "string") return null;
  return { pid, startTicks, fingerprint };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

export function writeRecord(data: string, record: ServeRecord): void {
  const path = join(data, FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** The start time of a living process; null when there is none with this id, or only its remains. */
export function startTicksOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Fields are counted behind the name, which may hold blanks and brackets: state is field 3, start time 22.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

export function isAlive({ pid, startTicks }: Pick<ProcessRecord, "pid" | "startTicks">): boolean {
  return startTicksOf(pid) === startTicks;
}
