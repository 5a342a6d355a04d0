/**
 * A PostgreSQL of one's own: a child process over a folder, reached through a unix socket in a folder that nobody else
 * may enter, without ports and without passwords (the kernel says who connects). It ends with its parent. Starting an
 * existing folder finds everything in it.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Failure } from "@lockstep/model";
import { Client } from "pg";
import { findPostgres, type PostgresPackage } from "./postgres-package.ts";
import { probe, type Way, waysToRun } from "./unprivileged.ts";

const run = promisify(execFile);

/** The database and its owner; there is nothing else in it. */
const NAME = "lockstep";
/** Longest path of a unix socket is 107 bytes, and PostgreSQL adds this to its folder's. */
const SOCKET_SUFFIX = "/.s.PGSQL.5432";
const MAX_SOCKET_FOLDER_BYTES = 107 - SOCKET_SUFFIX.length;
const INITDB_TIMEOUT_MS = 120_000;
/** Recovery after a crash may take a while, and answers "starting up" until it is over. */
const READY_TIMEOUT_MS = 120_000;
const READY_POLL_MS = 20;
/** How long a PostgreSQL whose parent died may still hold the folder: it is shutting down. */
const STALE_TIMEOUT_MS = 15_000;
const STALE_POLL_MS = 200;
const STOP_TIMEOUT_MS = 10_000;
const LOG_LINES_KEPT = 20;
/** What else is in the environment, secrets among it, is none of PostgreSQL's business. */
const ENVIRONMENT = { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" };

const SETTINGS = [
  "listen_addresses=",
  "unix_socket_permissions=0700",
  "max_connections=20",
  "shared_buffers=16MB",
  "max_wal_size=128MB",
  "wal_level=minimal",
  "max_wal_senders=0",
  // One small database needs no worker processes, which cost memory.
  "io_method=sync",
  "max_parallel_workers=0",
  "max_logical_replication_workers=0",
  "jit=off",
  "timezone=UTC",
  "log_timezone=UTC",
] as const;

export interface EmbeddedOptions {
  /** Everything lies under this folder, which is made when missing. */
  folder: string;
  /** Called with each line that PostgreSQL logs. */
  onLog?: (line: string) => void;
}

export interface EmbeddedPostgres {
  readonly pid: number;
  readonly socketFolder: string;
  readonly user: string;
  readonly database: string;
  readonly way: Way["name"];
  /** Resolves, with how, when the process has ended for whatever reason. */
  readonly exited: Promise<string>;
  /** Ends sessions and the process, leaving a clean folder. */
  stop(): Promise<void>;
}

export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { folder } = options;
  const programs = await findPostgres();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const way = await chooseWay(programs, folder);
  const data = join(folder, "data");
  if (!(await exists(data))) await initialize(programs, way, folder, data);
  await writeAccessRules(way, data);
  const socketFolder = await makeSocketFolder(folder, way);
  const deadline = performance.now() + STALE_TIMEOUT_MS;
  for (;;) {
    const server = new Server(programs, way, data, socketFolder, options.onLog ?? (() => {}));
    if (await server.ready()) return server;
    const { isHeld, reason } = server;
    if (!isHeld || performance.now() > deadline) {
      throw new Failure("unavailable", `PostgreSQL did not start: ${reason}`);
    }
    await sleep(STALE_POLL_MS);
  }
}

/** The way that an existing folder was made for is tried first; taking another one makes the folder fit it. */
async function chooseWay(programs: PostgresPackage, folder: string): Promise<Way> {
  const ways = await waysToRun();
  if (await exists(join(folder, "data"))) {
    const { uid } = await stat(folder);
    ways.sort((a, b) => Number(b.uid === uid) - Number(a.uid === uid));
  }
  const reasons: string[] = [];
  for (const way of ways) {
    const { uid } = await stat(folder);
    if (process.getuid?.() === 0 && uid !== way.uid) await giveTo(way, folder);
    const reason = await probe(way, programs.postgres, folder);
    if (reason === null) return way;
    reasons.push(`${way.name}: ${reason}`);
  }
  throw new Failure(
    "unavailable",
    `PostgreSQL cannot be run here (${reasons.join("; ")})`,
    "run Lockstep as a user other than root, or set DATABASE_URL",
  );
}

async function giveTo({ uid, gid }: Way, path: string): Promise<void> {
  await chown(path, uid, gid);
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isSymbolicLink()) await chown(join(entry.parentPath, entry.name), uid, gid);
  }
}

/** Makes the folder beside its place and moves it there, so that a half-made one is never taken for whole. */
async function initialize(
  { initdb }: PostgresPackage,
  way: Way,
  folder: string,
  data: string,
): Promise<void> {
  const unfinished = join(folder, "data.new");
  await rm(unfinished, { recursive: true, force: true });
  const [command, ...prefix] = way.prefix;
  const args = ["--pgdata", unfinished, "--username", NAME, "--auth", "peer"];
  args.push("--encoding", "UTF8", "--locale", "C", "--no-instructions");
  try {
    await run(command ?? "", [...prefix, initdb, ...args], {
      cwd: "/",
      env: ENVIRONMENT,
      timeout: INITDB_TIMEOUT_MS,
    });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Failure("unavailable", `PostgreSQL's initdb failed: ${stderr?.trim() || message}`);
  }
  await rename(unfinished, data);
}

/** Only this process's user may connect, whichever way the server runs. */
async function writeAccessRules({ uid, gid, peerName }: Way, data: string): Promise<void> {
  const files = {
    "pg_hba.conf": `local all ${NAME} peer map=parent\n`,
    "pg_ident.conf": `parent "${peerName}" ${NAME}\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(data, name);
    await writeFile(path, text, { mode: 0o600 });
    if (process.getuid?.() === 0) await chown(path, uid, gid);
  }
}

/** Beside the data, or, where that path is too long for a socket, in a short folder of its own that is noted there. */
async function makeSocketFolder(folder: string, { uid, gid }: Way): Promise<string> {
  let path = join(folder, "socket");
  if (Buffer.byteLength(path) > MAX_SOCKET_FOLDER_BYTES) {
    const note = join(folder, "socket-folder");
    const former = await readFile(note, "utf8").catch(() => null);
    if (former !== null) await rm(former, { recursive: true, force: true });
    path = await mkdtemp(join(tmpdir(), "lockstep-"));
    await writeFile(note, path, { mode: 0o600 });
  }
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  if (process.getuid?.() === 0) await chown(path, uid, gid);
  return path;
}

class Server implements EmbeddedPostgres {
  readonly user = NAME;
  readonly database = NAME;
  readonly way: Way["name"];
  readonly socketFolder: string;
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;
  readonly #log: string[] = [];
  #ended = false;

  constructor(
    { postgres }: PostgresPackage,
    way: Way,
    data: string,
    socketFolder: string,
    onLog: (line: string) => void,
  ) {
    this.way = way.name;
    this.socketFolder = socketFolder;
    const [command, ...prefix] = way.prefix;
    const settings = [...SETTINGS, `unix_socket_directories=${socketFolder}`];
    const args = [...prefix, postgres, "-D", data, ...settings.flatMap((s) => ["-c", s])];
    this.#child = spawn(command ?? "", args, {
      cwd: "/",
      env: ENVIRONMENT,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.exited = new Promise((resolve) => {
      this.#child.once("error", (error) => this.#end(error.message, resolve));
      this.#child.once("exit", (code, signal) => this.#end(`${signal ?? `exit ${code}`}`, resolve));
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.split("\n")) {
        if (line === "") continue;
        this.#log.push(line);
        if (this.#log.length > LOG_LINES_KEPT) this.#log.shift();
        onLog(line);
      }
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Whether it ended because another server still holds the folder. */
  get isHeld(): boolean {
    return this.#log.some((line) =>
      /lock file ".*" already exists|pre-existing shared memory block/.test(line),
    );
  }

  get reason(): string {
    const worst = this.#log.find((line) => /FATAL|PANIC|ERROR|could not|cannot/.test(line));
    return worst ?? this.#log.at(-1) ?? "it ended without a word";
  }

  /** True once it answers; false when it ended first. */
  async ready(): Promise<boolean> {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    while (!this.#ended) {
      if (await this.#answers()) return true;
      if (performance.now() > deadline) {
        await this.stop();
        return false;
      }
      await sleep(READY_POLL_MS);
    }
    await this.exited;
    return false;
  }

  async stop(): Promise<void> {
    if (this.#ended) return;
    this.#child.kill("SIGINT");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await this.exited;
    clearTimeout(timer);
  }

  async #answers(): Promise<boolean> {
    const client = new Client({ host: this.socketFolder, user: NAME, database: "postgres" });
    try {
      await client.connect();
      const found = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [NAME]);
      if (found.rowCount === 0) await client.query(`CREATE DATABASE ${NAME}`);
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => {});
    }
  }

  #end(how: string, resolve: (how: string) => void): void {
    this.#ended = true;
    resolve(how);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
