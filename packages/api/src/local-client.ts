/**
 * A connection to a data path's local socket (model's `local-protocol.ts`), for the command line, the supervisor and
 * the backend. It is one connection: when that ends, all that waits is rejected and `closed` resolves; whoever wants
 * another one connects again.
 */
import { readFile } from "node:fs/promises";
import { connect as connectSocket, type Socket } from "node:net";
import { join } from "node:path";
import {
  type Actor,
  type CommandInput,
  type CommandName,
  type CommandResult,
  Failure,
  LocalError,
  type LocalPush,
  MAX_LINE_BYTES,
  type ProcessMessageName,
  type processMessages,
  SOCKET_NAME,
  SOCKET_PATH_NOTE,
} from "@lockstep/model";
import { z } from "zod";
import { JsonLines } from "./json-lines.ts";

const CONNECT_TIMEOUT_MS = 5_000;
/** Commands touch disks and the peer; what waits on purpose gets its own time on top. */
const ANSWER_TIMEOUT_MS = 60_000;

export interface LocalOptions {
  connectTimeoutMs?: number;
  /** Called for each push, in order. */
  onPush?: (push: LocalPush) => void;
}

export interface RequestOptions {
  timeoutMs?: number;
}

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (failure: Failure) => void;
  timer: NodeJS.Timeout;
}

const Answer = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  error: LocalError.optional(),
});

/** Who the caller of the local socket is, for the audit. */
export function localActor(): Actor {
  return { who: `uid ${process.getuid?.() ?? "?"}`, from: "local socket" };
}

/** Where the local socket of the server in `dataFolder` is. */
export async function socketPath(dataFolder: string): Promise<string> {
  try {
    return (await readFile(join(dataFolder, SOCKET_PATH_NOTE), "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return join(dataFolder, SOCKET_NAME);
    throw unreachable(dataFolder, error as NodeJS.ErrnoException);
  }
}

/** Connects to the data path of `dataFolder`. Rejects with a Failure `unreachable` when none answers there. */
export async function connectLocal(
  dataFolder: string,
  options: LocalOptions = {},
): Promise<LocalClient> {
  const path = await socketPath(dataFolder);
  const socket = connectSocket(path);
  const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error("it does not accept")), timeoutMs);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve();
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(unreachable(dataFolder, error));
    });
  });
  return new LocalClient(socket, options.onPush ?? null);
}

export class LocalClient {
  /** Resolves, never rejects, with why the connection ended. */
  readonly closed: Promise<Failure>;
  readonly #socket: Socket;
  readonly #lines = new JsonLines();
  readonly #waiting = new Map<number, Waiting>();
  readonly #onPush: ((push: LocalPush) => void) | null;
  #nextId = 1;
  #ended: Failure | null = null;

  constructor(socket: Socket, onPush: ((push: LocalPush) => void) | null) {
    this.#socket = socket;
    this.#onPush = onPush;
    this.closed = new Promise((resolve) => {
      socket.once("close", () => resolve(this.#end()));
    });
    socket.on("error", (error) => this.#fail(error.message));
    socket.on("end", () => socket.destroy());
    socket.on("data", (chunk) => this.#receive(chunk));
  }

  /** Asks for a command. Rejects with the Failure that the data path tells, or `unreachable`, or `timeout`. */
  command<C extends CommandName>(
    name: C,
    params: CommandInput<C>,
    actor: Actor,
    options: RequestOptions = {},
  ): Promise<CommandResult<C>> {
    const waitMs = waitOf(params) * 1000;
    const timeoutMs = options.timeoutMs ?? ANSWER_TIMEOUT_MS + waitMs;
    return this.#request(name, params, actor, timeoutMs) as Promise<CommandResult<C>>;
  }

  /** Says what only this server's own processes say. Resolves when the data path has taken it. */
  async tell<M extends ProcessMessageName>(
    name: M,
    params: z.input<(typeof processMessages)[M]>,
    actor: Actor,
  ): Promise<void> {
    await this.#request(name, params, actor, ANSWER_TIMEOUT_MS);
  }

  close(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }

  #request(
    method: CommandName | ProcessMessageName,
    params: unknown,
    actor: Actor,
    timeoutMs: number,
  ): Promise<unknown> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    const line = `${JSON.stringify({ id, method, params, actor })}\n`;
    if (Buffer.byteLength(line) > MAX_LINE_BYTES) {
      return Promise.reject(new Failure("usage", "the request is too long"));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Failure("timeout", `the server did not answer "${method}" in time`));
      }, timeoutMs);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#socket.write(line);
    });
  }

  #receive(chunk: Buffer): void {
    let values: unknown[];
    try {
      values = this.#lines.push(chunk);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
      return;
    }
    for (const value of values) this.#take(value);
  }

  #take(value: unknown): void {
    if (typeof value === "object" && value !== null && Object.hasOwn(value, "push")) {
      this.#onPush?.(value as LocalPush);
      return;
    }
    const answer = Answer.safeParse(value);
    if (!answer.success) {
      this.#fail("it sent what is no answer");
      return;
    }
    const { id, result, error } = answer.data;
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (error) waiting.reject(new Failure(error.code, error.message, error.hint));
    else waiting.resolve(result);
  }

  #fail(reason: string): void {
    this.#ended ??= new Failure("unreachable", `the connection to the server broke: ${reason}`);
    this.#socket.destroy();
  }

  #end(): Failure {
    this.#ended ??= new Failure("unreachable", "the server closed the connection");
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(this.#ended);
    }
    this.#waiting.clear();
    return this.#ended;
  }
}

function waitOf(params: unknown): number {
  if (typeof params !== "object" || params === null || !("timeoutS" in params)) return 0;
  return typeof params.timeoutS === "number" ? params.timeoutS : 0;
}

function unreachable(dataFolder: string, error: NodeJS.ErrnoException): Failure {
  if (error.code === "EACCES") {
    return new Failure(
      "unreachable",
      `this user may not talk to the server in ${dataFolder}`,
      "run this as the user that runs the server",
    );
  }
  return new Failure(
    "unreachable",
    `no server runs in ${dataFolder}`,
    `start it with: lockstep serve --data ${dataFolder} --name NAME`,
  );
}
