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
  /** Resolves, never rejects, when it has ended for good. */
  readonly ended: Promise<void>;
  #child: ChildProcess;
  #complaints: string[] = [];
  #isReady = false;
  #isStopping = false;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();

  constructor(options: ServeOptions) {
    this.options = options;
    this.ready = this.#ready.promise;
    this.ended = this.#ended.promise;
    this.#child = this.#start();
  }

  stop(): void {
    this.#isStopping = true;
    this.#child.kill("SIGTERM");
  }

  #start(): ChildProcess {
    const child = spawn(process.execPath, [main, ...argsOf(this.options)], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...process.env, [ON_ORPHANED]: "stop" },
    });
    assert(child.stdout !== null && child.stderr !== null, "pipes were asked for");
    createInterface({ input: child.stderr }).on("line", (line) => this.#onComplaint(line));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (!line.startsWith("ready ")) return;
      this.#isReady = true;
      this.#ready.resolve();
    });
    child.once("error", (error) => this.#ready.reject(error));
    child.once("close", (status) => this.#onEnd(status));
    return child;
  }

  /** A killed supervisor leaves its server running, for the next one to adopt (SPEC C4). */
  #onEnd(status: number | null): void {
    if (status === null && this.#isReady && !this.#isStopping) {
      this.#onComplaint("the supervisor was killed, its server runs on; here is a new one");
      this.#isReady = false;
      this.#child = this.#start();
      return;
    }
    this.#ready.reject(this.#failure(status));
    this.#ended.resolve();
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
