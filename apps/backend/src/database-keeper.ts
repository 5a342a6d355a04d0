/**
 * Keeps a database at hand: starts the embedded one, or watches the one at `databaseUrl`, brings it up to date, and
 * starts over whenever it is gone. The rest of the process asks for what is there now and never waits for it.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Connection,
  type Database,
  type EmbeddedPostgres,
  openDatabase,
  startEmbeddedPostgres,
} from "@lockstep/db";
import type { Logger } from "pino";
import { BackOff } from "./back-off.ts";

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5_000;
const PING_INTERVAL_MS = 2_000;
/** One slow answer is a busy database, not one that is gone. */
const FAILED_PINGS = 2;
/** The schema of the embedded database, which serves one server only. */
const EMBEDDED_SCHEMA = "lockstep";

export interface KeeperOptions {
  dataFolder: string;
  /** The schema's name in a database that others may use too. */
  serverName: string;
  databaseUrl: string | null;
  log: Logger;
  /** Called with the database when it is ready, and with null when it is gone. */
  onChange: (database: Database | null) => Promise<void> | void;
}

export class DatabaseKeeper {
  readonly #options: KeeperOptions;
  #current: Database | null = null;
  #embedded: EmbeddedPostgres | null = null;
  #suspect: () => void = () => {};

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** The database, or null while it is away. */
  get current(): Database | null {
    return this.#current;
  }

  /** The process id of the embedded database; null when it is away or not embedded. */
  get pid(): number | null {
    return this.#embedded?.pid ?? null;
  }

  /** Somebody failed to use the database: look at it now. */
  suspect(): void {
    this.#suspect();
  }

  /** Keeps the database until `signal` aborts, then closes it. */
  async run(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    const backOff = new BackOff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
    while (!signal.aborted) {
      try {
        await this.#keepOnce(signal, () => backOff.succeeded());
      } catch (error) {
        if (!signal.aborted) log.error({ reason: String(error) }, "the database is away");
      }
      await backOff.wait(signal);
    }
  }

  async #keepOnce(signal: AbortSignal, onReady: () => void): Promise<void> {
    const { log, onChange } = this.#options;
    const connection = await this.#connection();
    const embedded = this.#embedded;
    let database: Database | null = null;
    try {
      const { databaseUrl, serverName } = this.#options;
      const schema = databaseUrl === null ? EMBEDDED_SCHEMA : serverName;
      database = openDatabase(connection, schema, () => this.suspect());
      const applied = await database.migrate();
      this.#current = database;
      await onChange(database);
      log.info({ applied, pid: this.pid }, "the database is connected");
      onReady();
      const gone = this.#watch(database, signal);
      const reason = await (embedded ? Promise.race([gone, embedded.exited]) : gone);
      if (!signal.aborted) log.error({ reason }, "the database is away");
    } finally {
      this.#current = null;
      this.#embedded = null;
      await onChange(null);
      // A pool waits for connections in use, which a dead server may never give back.
      void database?.close().catch(() => {});
      await embedded?.stop();
    }
  }

  async #connection(): Promise<Connection> {
    const { databaseUrl, dataFolder, log } = this.#options;
    if (databaseUrl !== null) return { url: databaseUrl };
    this.#embedded = await startEmbeddedPostgres({
      folder: join(dataFolder, "postgres"),
      onLog: (line) => log.debug({ postgres: line }),
    });
    return this.#embedded;
  }

  /** Resolves with why the database counts as gone. */
  async #watch(database: Database, signal: AbortSignal): Promise<string> {
    for (let failed = 0; ; ) {
      const woken = new Promise<void>((resolve) => {
        this.#suspect = resolve;
      });
      const pause = new AbortController();
      const stop = AbortSignal.any([signal, pause.signal]);
      const rest = sleep(PING_INTERVAL_MS, undefined, { signal: stop }).catch(() => {});
      await Promise.race([woken, rest]);
      pause.abort();
      if (signal.aborted) return "stopping";
      try {
        await database.ping();
        failed = 0;
      } catch (error) {
        failed++;
        if (failed >= FAILED_PINGS) return String(error);
        this.suspect();
      }
    }
  }
}
