/**
 * The database with all that stands upon it, as long as it is there: sign-in, the first administrator, the recorder
 * of events. When it goes, that goes; when it comes back, all of it is made anew.
 */
import type { Database, HistoryStore } from "@lockstep/db";
import type { ServeOptions } from "@lockstep/model";
import type { Logger } from "pino";
import { createAuth } from "./auth.ts";
import type { Live } from "./credentials.ts";
import { BACKEND, type DataPathLink } from "./data-path-link.ts";
import { DatabaseKeeper } from "./database-keeper.ts";
import { ensureAdministrator, FIRST_ADMINISTRATOR } from "./first-administrator.ts";
import { Recorder } from "./recorder.ts";

export interface LiveDatabaseOptions {
  serve: ServeOptions;
  log: Logger;
  secret: string;
  adminPassword: string | null;
  tell: (line: string) => void;
  link: () => Pick<DataPathLink, "announce" | "report">;
}

export class LiveDatabase {
  readonly #options: LiveDatabaseOptions;
  readonly #keeper: DatabaseKeeper;
  readonly #recorder: Recorder;
  #live: Live | null = null;
  #recording: AbortController | null = null;
  #wasLost = false;
  #stopping = false;

  constructor(options: LiveDatabaseOptions) {
    this.#options = options;
    const { serve, log } = options;
    this.#keeper = new DatabaseKeeper({
      dataFolder: serve.data,
      serverName: serve.name,
      databaseUrl: serve.databaseUrl ?? null,
      log,
      onChange: (database) => (database ? this.#came(database) : this.#went()),
    });
    const onDatabaseError = () => this.suspect();
    this.#recorder = new Recorder({ dataFolder: serve.data, log, onDatabaseError });
  }

  /** Null while the database is away. */
  get live(): Live | null {
    return this.#live;
  }

  get store(): HistoryStore | null {
    return this.#live && this.#recorder.store;
  }

  /** The embedded database's process id; null when it is away or not embedded. */
  get pid(): number | null {
    return this.#keeper.pid;
  }

  /** Somebody failed to use it. */
  suspect(): void {
    this.#keeper.suspect();
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => {
      this.#stopping = true;
    });
    await this.#keeper.run(signal);
  }

  async #came(database: Database): Promise<void> {
    const { serve, secret, log, adminPassword, tell } = this.#options;
    const baseUrl = `http://${serve.api}`;
    const auth = createAuth(database, { serverName: serve.name, secret, baseUrl, log });
    const link = this.#options.link();
    if (await ensureAdministrator(database, auth, serve.data, adminPassword, tell)) {
      const message = `${FIRST_ADMINISTRATOR} may sign in as admin`;
      const subject = FIRST_ADMINISTRATOR;
      link.report({ kind: "user-changed", severity: "info", subject, message, actor: BACKEND });
    }
    this.#live = { database, auth };
    this.#recording = new AbortController();
    void this.#recorder.run(database, this.#recording.signal);
    if (this.#wasLost) this.#report("database-back", "info", "the database is back");
    this.#wasLost = false;
    void link.announce();
  }

  #went(): void {
    this.#recording?.abort();
    this.#recording = null;
    const wasThere = this.#live !== null;
    this.#live = null;
    if (!wasThere || this.#stopping) return;
    this.#wasLost = true;
    this.#report("database-away", "warning", "the database is away; events wait beside the data");
    void this.#options.link().announce();
  }

  #report(
    kind: "database-away" | "database-back",
    severity: "info" | "warning",
    message: string,
  ): void {
    this.#options.link().report({ kind, severity, subject: "database", message, actor: BACKEND });
  }
}
