/**
 * Starting programs and getting rid of them. Everything that a test starts carries a mark in its
 * environment, which its children inherit, so that even orphans of a killed supervisor are found
 * and ended by process id, never by name.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { resolve } from "node:path";

const REPOSITORY = resolve(import.meta.dirname, "../..");
/** The packaged Node, whatever the machine has. */
export const NODE = resolve(REPOSITORY, "node_modules/.bin/node");
export const LOCKSTEP = resolve(REPOSITORY, "apps/cli/bin/lockstep.js");

const MARK = "LOCKSTEP_E2E_CHILD_OF";
/** Set by the run's first process, inherited by the test workers: the id of that process. */
const OWNER = "LOCKSTEP_E2E_OWNER";
const MAX_KEPT_LINES = 400;

export function claimRun(): void {
  process.env[OWNER] = String(process.pid);
}

function markedEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...process.env, ...more, [MARK]: process.env[OWNER] ?? String(process.pid) };
}

export interface Outcome {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  input?: string;
  timeoutMs?: number;
  cwd?: string;
}

/** Runs a program to its end, or kills it after `timeoutMs`. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [program, ...args] = argv;
  if (program === undefined) throw new Error("nothing to run");
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      env: markedEnvironment(options.env),
      cwd: options.cwd ?? REPOSITORY,
      timeout: options.timeoutMs ?? 60_000,
      killSignal: "SIGKILL",
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.once("error", fail);
    child.once("close", (status, signal) =>
      done({
        status,
        signal,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      }),
    );
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}

/** Runs a program that must succeed; yields what it printed on standard output. */
export async function must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { status, signal, stdout, stderr } = await run(argv, options);
  if (status !== 0) {
    throw new Error(`\`${argv.join(" ")}\` ended with ${status ?? signal}: ${stderr}${stdout}`);
  }
  return stdout;
}

/** A program that runs beside the test; its last lines are kept for the report of a failure. */
export class Background {
  readonly label: string;
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  /** Standard output alone, as lines. */
  readonly stdoutLines: string[] = [];
  readonly exited: Promise<{ status: number | null; signal: NodeJS.Signals | null }>;
  ended = false;

  constructor(label: string, argv: readonly string[], options: RunOptions = {}) {
    const [program, ...args] = argv;
    if (program === undefined) throw new Error("nothing to run");
    this.label = label;
    this.child = spawn(program, args, {
      env: markedEnvironment(options.env),
      cwd: options.cwd ?? REPOSITORY,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#keep(this.child.stdout, this.stdoutLines);
    this.#keep(this.child.stderr, null);
    this.exited = new Promise((done) => {
      this.child.once("error", (error) => this.lines.push(`cannot start: ${error.message}`));
      this.child.once("close", (status, signal) => {
        this.ended = true;
        done({ status, signal });
      });
    });
  }

  get pid(): number {
    const { pid } = this.child;
    if (pid === undefined)
      throw new Error(`${this.label} could not be started: ${this.lines.join("\n")}`);
    return pid;
  }

  #keep(stream: NodeJS.ReadableStream | null, also: string[] | null): void {
    let rest = "";
    stream?.on("data", (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) {
        this.lines.push(line);
        if (also !== null && also.length < MAX_KEPT_LINES) also.push(line);
      }
      if (this.lines.length > MAX_KEPT_LINES)
        this.lines.splice(0, this.lines.length - MAX_KEPT_LINES);
    });
  }
}

/** Sends a signal; false where the process is gone already. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** Whether the process exists and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z";
  } catch {
    return false;
  }
}

function markOf(pid: number): string | null {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
    return (
      environment.find((entry) => entry.startsWith(`${MARK}=`))?.slice(MARK.length + 1) ?? null
    );
  } catch {
    return null;
  }
}

function numericEntries(): number[] {
  return readdirSync("/proc").flatMap((entry) => (/^\d+$/.test(entry) ? [Number(entry)] : []));
}

/**
 * Ids of the processes that tests of this run (or of `owner`) started and that still live, wherever
 * they are now.
 */
export function leftovers(owner = Number(process.env[OWNER] ?? process.pid)): number[] {
  return numericEntries().filter((pid) => markOf(pid) === String(owner) && isAlive(pid));
}

/**
 * Processes under `folder` by their command line or working folder: for those whose environment was
 * cleaned.
 */
export function processesOf(folder: string): number[] {
  return numericEntries().filter((pid) => {
    if (pid === process.pid) return false;
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(folder)) return isAlive(pid);
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder) && isAlive(pid);
    } catch {
      return false;
    }
  });
}

/**
 * Ends what earlier runs left behind whose first process is gone (a run that was itself killed).
 */
export function endOrphansOfEarlierRuns(): void {
  for (const pid of numericEntries()) {
    const owner = markOf(pid);
    if (owner !== null && !isAlive(Number(owner))) signalProcess(pid, "SIGKILL");
  }
}
