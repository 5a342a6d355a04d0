/**
 * Runs a program of the repository: npm's own tools by name, its end as a value, signals passed on. With a time limit
 * it gets a process group of its own, so that past the limit all that it started ends with it.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** "show" lets it write to our terminal, "keep" returns what it wrote to both outputs. */
  output?: "show" | "keep";
  limitMs?: number;
  /** Opens an IPC channel, by whose end the program knows that we are gone. */
  ipc?: boolean;
}

export interface Outcome {
  /** 128 + n for signal n, as a shell tells it. */
  status: number;
  timedOut: boolean;
  output: string;
}

const quiet = { TURBO_TELEMETRY_DISABLED: "1", NEXT_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" };

/** npm puts its tools first in PATH; scripts that are run by hand find them as well. */
function toolPath(command: string): string {
  const own = join(ROOT, "node_modules", ".bin", command);
  return existsSync(own) ? own : command;
}

export function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const { limitMs, output = "show" } = options;
  const grouped = limitMs !== undefined;
  const out = output === "show" ? "inherit" : "pipe";
  const PATH = `${join(ROOT, "node_modules", ".bin")}:${process.env.PATH ?? ""}`;
  const child = spawn(toolPath(command), args, {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...quiet, PATH, ...options.env },
    stdio: options.ipc ? ["ignore", out, out, "ipc"] : ["ignore", out, out],
    detached: grouped,
  });
  let kept = "";
  const keep = (chunk: Buffer) => {
    kept += chunk.toString("utf8");
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const signalAll = (signal: NodeJS.Signals) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    process.kill(grouped ? -child.pid : child.pid, signal);
  };
  const forward = SIGNALS.map((signal) => [signal, () => signalAll(signal)] as const);
  for (const [signal, pass] of forward) process.on(signal, pass);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    signalAll("SIGKILL");
  }, limitMs);
  if (!grouped) clearTimeout(timer);
  return new Promise((resolve) => {
    const end = (status: number) => {
      clearTimeout(timer);
      for (const [signal, pass] of forward) process.off(signal, pass);
      resolve({ status, timedOut, output: kept });
    };
    child.once("error", (error) => {
      kept += error.message;
      end(127);
    });
    child.once("close", (code, signal) => end(code ?? 128 + signalNumber(signal)));
  });
}

const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 } as const;

function signalNumber(signal: NodeJS.Signals | null): number {
  return SIGNAL_NUMBERS[signal as keyof typeof SIGNAL_NUMBERS] ?? 0;
}

/** Builds the console; a build of the same sources is taken from the cache. Only a failed one is heard. */
export async function buildConsole(): Promise<boolean> {
  const args = ["run", "build", "--filter=@lockstep/web", "--ui=stream"];
  const { status, output } = await run("turbo", args, { output: "keep" });
  if (status !== 0) console.error(output);
  return status === 0;
}
