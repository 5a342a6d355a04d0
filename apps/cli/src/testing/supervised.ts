/** A supervisor under test: a real process with a data folder and ports of its own, and what it has printed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connectLocal, localActor } from "@lockstep/api/local";
import { ServeOptions, type Status } from "@lockstep/model";
import { ON_ORPHANED } from "../serve/orphan.ts";

const entry = fileURLToPath(new URL("serve-stand-in.ts", import.meta.url));
const LIMIT_MS = 10_000;
const LOOK_MS = 20;

/** Looks until `look` finds something; rejects, naming what was waited for, past the limit. */
export async function eventually<T>(
  what: string,
  look: () => T | null | Promise<T | null>,
): Promise<T> {
  const giveUpAt = performance.now() + LIMIT_MS;
  while (performance.now() < giveUpAt) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`waited in vain for ${what}`);
}

export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
  } catch {
    return false;
  }
}

export class Supervised {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  readonly ended: Promise<number | null>;

  /** `orphaned`: launched over an IPC channel, with that wish for when it closes. */
  constructor(options: ServeOptions, orphaned?: "leave" | "stop") {
    this.child = spawn(process.execPath, [entry, JSON.stringify(options)], {
      stdio: ["ignore", "pipe", "pipe", ...(orphaned ? (["ipc"] as const) : [])],
      env: { ...process.env, ...(orphaned && { [ON_ORPHANED]: orphaned }) },
      // A group of its own, so that a test can signal it as a terminal would.
      detached: true,
    });
    this.child.stdout?.on("data", (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr?.on("data", (chunk) => {
      this.stderr += chunk;
    });
    // Its children hold no pipe of it, so that these close with its own end.
    this.ended = Promise.all([
      once(this.child, "exit"),
      ...[this.child.stdout, this.child.stderr].map((pipe) => pipe && once(pipe, "close")),
    ]).then(([[status]]) => status as number | null);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** The line itself; rejects with what was said instead when it ended before. */
  ready(): Promise<string> {
    return eventually("ready", () => {
      const line = /^ready .*$/m.exec(this.stdout)?.[0];
      if (line === undefined && this.child.exitCode !== null) {
        throw new Error(`ended with ${this.child.exitCode}: ${this.stderr}`);
      }
      return line ?? null;
    });
  }
}

/** A data folder for one test, with all that was started on it. */
export class TestFolder {
  readonly data = mkdtempSync(join(tmpdir(), "lockstep-serve-"));
  readonly #firstPort: number;
  readonly #started: Supervised[] = [];
  readonly #pids = new Set<number>();

  constructor(firstPort: number) {
    this.#firstPort = firstPort;
  }

  options(change: Partial<ServeOptions> = {}): ServeOptions {
    const at = (n: number) => `127.0.0.1:${this.#firstPort + n}`;
    const ports = { api: at(0), iscsi: [at(1)], mirror: at(2), heartbeat: at(3) };
    return ServeOptions.parse({ data: this.data, name: "alpha", ...ports, ...change });
  }

  serve(change: Partial<ServeOptions> = {}, orphaned?: "leave" | "stop"): Supervised {
    const supervised = new Supervised(this.options(change), orphaned);
    this.#started.push(supervised);
    return supervised;
  }

  async status(): Promise<Status> {
    const client = await connectLocal(this.data);
    const status = await client.command("status", {}, localActor());
    client.close();
    for (const pid of Object.values(status.processes)) if (pid !== null) this.#pids.add(pid);
    return status;
  }

  /** The status once all three processes are known in it, and `accept` likes it. */
  complete(accept: (status: Status) => boolean = () => true): Promise<Status> {
    return eventually("a complete status", async () => {
      const status = await this.status().catch(() => null);
      if (status === null) return null;
      const { supervisor, backend } = status.processes;
      return supervisor !== null && backend !== null && accept(status) ? status : null;
    });
  }

  /** The events that the data path was told to record: kind and subject. */
  reports(): string[] {
    const path = join(this.data, "heard.jsonl");
    if (!existsSync(path)) return [];
    const requests = readFileSync(path, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    return requests
      .filter(({ method }) => method === "event.report")
      .map(({ params }) => `${params.kind} ${params.subject}`);
  }

  /** Ends whatever still runs. */
  async clear(): Promise<void> {
    for (const { child } of this.#started) child.kill("SIGTERM");
    await Promise.all(this.#started.map(({ ended }) => ended));
    for (const pid of this.#pids) if (isRunning(pid)) process.kill(pid, "SIGKILL");
    rmSync(this.data, { recursive: true, force: true });
  }
}
