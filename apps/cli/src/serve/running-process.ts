/**
 * A data path or backend that runs: one that we started, whose end the kernel tells us, or one that we adopted from a
 * killed supervisor. The end of an adopted one has no event of its own, so whoever sees a sign of it (its socket
 * closed) says `suspect`, and only from then on until `trust` its process is looked at.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeLog, openLog } from "./log-file.ts";
import { isAlive, type ProcessRecord, startTicksOf } from "./record.ts";

const LOOK_INTERVAL_MS = 100;

export interface Ending {
  /** Null for a signal, and for an adopted process, whose status its own parent got. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface RunningProcess {
  readonly record: ProcessRecord;
  readonly adopted: boolean;
  /** Where its log lines begin, when we started it. */
  readonly log: { path: string; startOffset: number } | null;
  /** Resolves, never rejects, once it is gone. */
  readonly ended: Promise<Ending>;
  kill(signal: NodeJS.Signals): void;
  suspect(): void;
  trust(): void;
}

export interface Launch {
  file: string;
  args: string[];
  nodeFlags: string[];
  env: NodeJS.ProcessEnv;
  logPath: string;
  fingerprint: string;
}

/**
 * Starts a process that needs nothing of ours to live on: no pipe, no terminal, but our process group, so that a
 * signal to the group reaches it.
 */
export async function start(launch: Launch): Promise<RunningProcess> {
  const log = openLog(launch.logPath);
  const child = spawn(process.execPath, [...launch.nodeFlags, launch.file, ...launch.args], {
    stdio: ["ignore", log.fd, log.fd],
    env: launch.env,
    detached: false,
  });
  closeLog(log);
  const ended = new Promise<Ending>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const pid = await pidOf(child);
  // Gone already: its record fits no living process, and `ended` tells how it went.
  const startTicks = startTicksOf(pid) ?? "";
  return {
    record: { pid, startTicks, fingerprint: launch.fingerprint },
    adopted: false,
    log: { path: log.path, startOffset: log.startOffset },
    ended,
    kill: (signal) => void child.kill(signal),
    suspect: () => undefined,
    trust: () => undefined,
  };
}

function pidOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => resolve(child.pid ?? 0));
  });
}

export function adopt(record: ProcessRecord): RunningProcess {
  let timer: NodeJS.Timeout | null = null;
  let resolveEnded: (ending: Ending) => void = () => undefined;
  const ended = new Promise<Ending>((resolve) => {
    resolveEnded = resolve;
  });
  const trust = () => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };
  const look = () => {
    if (isAlive(record)) return;
    trust();
    resolveEnded({ code: null, signal: null });
  };
  const suspect = () => {
    timer ??= setInterval(look, LOOK_INTERVAL_MS);
  };
  const kill = (signal: NodeJS.Signals) => {
    if (isAlive(record)) process.kill(record.pid, signal);
    suspect();
  };
  return { record, adopted: true, log: null, ended, kill, suspect, trust };
}

/** How it ended, for people: "exit status 1", "signal SIGKILL". */
export function describeEnding({ code, signal }: Ending): string {
  if (signal !== null) return `ended by signal ${signal}`;
  return code === null ? "ended" : `ended with exit status ${code}`;
}
