/**
 * One of the demo's servers: a `lockstep serve` of its own in the demo's process group. Its standard error is kept
 * until it is ready, so that why it could not start becomes the demo's own sentence, and passed on afterwards.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { EXIT_STATUS, Failure, type ServeOptions } from "@lockstep/model";
import { ON_ORPHANED } from "../serve/orphan.ts";

const PREFIX = "lockstep: ";
const main = fileURLToPath(new URL("../main.ts", import.meta.url));

export class ServerProcess {
  readonly options: ServeOptions;
  /** Resolves when it is ready; rejects with a Failure that says why it ended before. */
  readonly ready: Promise<void>;
  /** Resolves, never rejects, to its exit status; null after a signal. */
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #complaints: string[] = [];
  #isReady = false;

  constructor(options: ServeOptions) {
    this.options = options;
    const child = spawn(process.execPath, [main, ...argsOf(options)], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...process.env, [ON_ORPHANED]: "stop" },
    });
    assert(child.stdout !== null && child.stderr !== null, "pipes were asked for");
    const { stdout, stderr } = child;
    this.#child = child;
    this.ended = new Promise((resolve) => child.once("close", resolve));
    createInterface({ input: stderr }).on("line", (line) => this.#onComplaint(line));
    this.ready = new Promise((resolve, reject) => {
      createInterface({ input: stdout }).on("line", (line) => {
        if (!line.startsWith("ready ")) return;
        this.#isReady = true;
        resolve();
      });
      child.once("error", reject);
      void this.ended.then((status) => reject(this.#failure(status)));
    });
  }

  stop(): void {
    this.#child.kill("SIGTERM");
  }

  #onComplaint(line: string): void {
    if (this.#isReady) process.stderr.write(`${this.options.name}: ${line.replace(PREFIX, "")}\n`);
    else this.#complaints.push(line);
  }

  /** Its own last sentence and the hint below it, as the demo's. */
  #failure(status: number | null): Failure {
    const at = this.#complaints.findLastIndex((line) => line.startsWith(PREFIX));
    const said = this.#complaints[at]?.slice(PREFIX.length);
    const hint = this.#complaints[at + 1]?.trim() ?? null;
    const code = status === EXIT_STATUS.refused ? "refused" : "unavailable";
    const reason = said ?? `it ended with exit status ${status}`;
    return new Failure(code, `${this.options.name} cannot start: ${reason}`, said ? hint : null);
  }
}

function argsOf(options: ServeOptions): string[] {
  const { data, name, api, iscsi, mirror, heartbeat } = options;
  const iscsiArgs = iscsi.flatMap((address) => ["--iscsi", address]);
  const others = ["--name", name, "--api", api, "--mirror", mirror, "--heartbeat", heartbeat];
  return ["serve", "--data", data, ...others, ...iscsiArgs];
}
