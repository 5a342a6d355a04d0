/**
 * The local socket `DIR/lockstep.sock` (model's `local-protocol.ts`), through which the command line, the supervisor and
 * the backend speak to the data path. Whoever may open it may command: it is the owner's alone (0600). The caller holds
 * the data folder's lock, so a socket file found here is a dead one's.
 */
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { isMainThread } from "node:worker_threads";
import {
  type Actor,
  type CommandName,
  type CommandParams,
  type CommandResult,
  SOCKET_NAME,
  SOCKET_PATH_NOTE,
  type Status,
} from "@lockstep/model";
import type { EventLog } from "./event-log.ts";
import { type Hello, LocalSession } from "./local-session.ts";
import type { OutageLog } from "./outage-log.ts";

/** Socket paths end at 107 bytes; clients may add some to reach one (a working folder's name). */
const MAX_PATH_BYTES = 100;
const SHORT_FOLDER = "lockstep-";
const MAX_CLIENTS = 64;

export type CommandHandlers = {
  [C in CommandName]: (
    params: CommandParams<C>,
    actor: Actor,
  ) => Promise<CommandResult<C>> | CommandResult<C>;
};

export interface LocalSocketOptions {
  dataFolder: string;
  handlers: CommandHandlers;
  /** The status as it is now. */
  snapshot: () => Status;
  events: EventLog;
  outages: OutageLog;
  /** A process of this server said what it is, or said so anew; `before` is what it had said. */
  arrived?: (process: Hello, before: Hello | null) => void;
  /** A process that had said what it is closed its connection, and no other of its kind is there. */
  gone?: (process: Hello) => void;
  /** A command threw what is no Failure: a bug of ours, for the log. */
  failed: (error: unknown) => void;
}

export class LocalSocket {
  readonly path: string;
  readonly #server: net.Server;
  readonly #options: LocalSocketOptions;
  /** In the order they connected. */
  readonly #sessions = new Set<LocalSession>();
  readonly #said = new Map<LocalSession, Hello>();

  /** Resolves when clients can connect. */
  static async listen(options: LocalSocketOptions): Promise<LocalSocket> {
    const server = net.createServer();
    const socketPath = choosePath(options.dataFolder);
    fs.rmSync(socketPath, { force: true });
    await listenPrivately(server, socketPath);
    const note = path.join(options.dataFolder, SOCKET_PATH_NOTE);
    if (path.dirname(socketPath) === options.dataFolder) fs.rmSync(note, { force: true });
    else fs.writeFileSync(note, `${socketPath}\n`, { mode: 0o600 });
    return new LocalSocket(server, socketPath, options);
  }

  private constructor(server: net.Server, socketPath: string, options: LocalSocketOptions) {
    this.path = socketPath;
    this.#server = server;
    this.#options = options;
    server.maxConnections = MAX_CLIENTS;
    server.on("connection", (socket) => this.#accept(socket));
  }

  /** The status may have changed: subscribers get it, each when its interval is over. */
  changed(): void {
    for (const session of this.#sessions) session.changed();
  }

  /** The newest process of each kind that is connected. */
  process(role: Hello["role"]): Hello | null {
    let newest: Hello | null = null;
    for (const hello of this.#said.values()) if (hello.role === role) newest = hello;
    return newest;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions) session.close();
    await closed;
    if (path.dirname(this.path) === this.#options.dataFolder) return;
    fs.rmSync(path.join(this.#options.dataFolder, SOCKET_PATH_NOTE), { force: true });
    fs.rmSync(path.dirname(this.path), { recursive: true, force: true });
  }

  #accept(socket: net.Socket): void {
    const session = new LocalSession(socket, this.#options, (one) => this.#greet(one));
    this.#sessions.add(session);
    socket.once("close", () => this.#leave(session));
  }

  #greet(session: LocalSession): void {
    const { hello } = session;
    if (!hello) return;
    const before = this.#said.get(session) ?? null;
    this.#said.set(session, hello);
    this.#options.arrived?.(hello, before);
    this.changed();
  }

  #leave(session: LocalSession): void {
    this.#sessions.delete(session);
    const hello = this.#said.get(session);
    this.#said.delete(session);
    if (!hello) return;
    if (this.process(hello.role) === null) this.#options.gone?.(hello);
    this.changed();
  }
}

/** In the data folder, or in a private short folder, the one noted there if it is still ours. */
function choosePath(dataFolder: string): string {
  const own = path.join(dataFolder, SOCKET_NAME);
  if (Buffer.byteLength(own) <= MAX_PATH_BYTES) return own;
  const noted = readNote(dataFolder);
  if (noted && isPrivate(path.dirname(noted))) return noted;
  return path.join(fs.mkdtempSync(path.join(os.tmpdir(), SHORT_FOLDER)), SOCKET_NAME);
}

function readNote(dataFolder: string): string | null {
  try {
    return fs.readFileSync(path.join(dataFolder, SOCKET_PATH_NOTE), "utf8").trim();
  } catch {
    return null;
  }
}

/** A folder of our making that nobody else could have put in its place. */
function isPrivate(folder: string): boolean {
  try {
    const stat = fs.lstatSync(folder);
    const ours = stat.uid === process.getuid?.() && (stat.mode & 0o077) === 0;
    return stat.isDirectory() && ours && path.basename(folder).startsWith(SHORT_FOLDER);
  } catch {
    return false;
  }
}

/** The file is made by `listen` before it returns, so the mask holds from its first moment. */
async function listenPrivately(server: net.Server, socketPath: string): Promise<void> {
  const mask = isMainThread ? process.umask(0o177) : null;
  const listening = new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", reject);
  });
  try {
    server.listen({ path: socketPath });
  } finally {
    if (mask !== null) process.umask(mask);
  }
  await listening;
  fs.chmodSync(socketPath, 0o600);
}
