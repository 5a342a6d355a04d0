/**
 * Writes what the data path tells into the database: each event once, with the configuration that it changed, then
 * lets the data path forget it (SPEC C3). While the database is away it reads nothing, so that the events stay in
 * the data path's spool; when it is back it begins at the cursor.
 */
import { connectLocal, type LocalClient } from "@lockstep/api/local";
import { type Database, HistoryStore } from "@lockstep/db";
import type { Event, LocalPush, Outage } from "@lockstep/model";
import type { Logger } from "pino";
import { BackOff } from "./back-off.ts";
import { BACKEND } from "./data-path-link.ts";

const BATCH = 200;
/** Past this the connection is closed, and what is lacking comes again from the spool. */
const MAX_QUEUED = 5_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;

export interface RecorderOptions {
  dataFolder: string;
  log: Logger;
  onDatabaseError: () => void;
}

export class Recorder {
  readonly #options: RecorderOptions;
  #store: HistoryStore | null = null;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** What has been written; null before this server is known to the database. */
  get store(): HistoryStore | null {
    return this.#store;
  }

  /** Records into `database` until `signal` aborts: the database is away, or the process stops. */
  async run(database: Database, signal: AbortSignal): Promise<void> {
    const backOff = new BackOff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
    while (!signal.aborted) {
      const run = new Recording(this.#options, signal);
      try {
        await run.open();
        this.#store = await run.begin(database);
        backOff.succeeded();
        await run.record(this.#store);
      } catch (error) {
        this.#options.log.debug({ reason: String(error) }, "recording was interrupted");
      } finally {
        run.close();
      }
      await backOff.wait(signal);
    }
    this.#store = null;
  }
}

/** One connection to the data path, and what came over it and is not written yet. */
class Recording {
  readonly #options: RecorderOptions;
  readonly #signal: AbortSignal;
  readonly #close = () => this.close();
  #client: LocalClient | null = null;
  #events: Event[] = [];
  #outages = new Map<string, Outage>();
  #wake: () => void = () => {};
  #ended = false;

  constructor(options: RecorderOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    signal.addEventListener("abort", this.#close);
  }

  async open(): Promise<void> {
    const client = await connectLocal(this.#options.dataFolder, { onPush: (p) => this.#take(p) });
    this.#client = client;
    void client.closed.then(this.#close);
  }

  async begin(database: Database): Promise<HistoryStore> {
    const client = this.#connected();
    const status = await client.command("status", {}, BACKEND);
    const store = await HistoryStore.open(database, status, new Date().toISOString());
    const eventsAfter = await store.cursor();
    await client.tell("subscribe", { eventsAfter, outages: true }, BACKEND);
    // Behind the subscription: what changes from here on is pushed, and no change falls between the two.
    await store.saveOutages(await client.command("outage.list", {}, BACKEND));
    return store;
  }

  /** Returns when the connection has ended; rejects when the database failed. */
  async record(store: HistoryStore): Promise<void> {
    while (!this.#ended) {
      if (this.#events.length === 0 && this.#outages.size === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const outages = [...this.#outages.values()];
      this.#outages.clear();
      const events = this.#events.splice(0, BATCH);
      const seq = await this.#write(store, events, outages);
      if (events.length > 0) await this.#connected().tell("events.taken", { seq }, BACKEND);
    }
  }

  close(): void {
    this.#signal.removeEventListener("abort", this.#close);
    this.#ended = true;
    this.#client?.close();
    this.#wake();
  }

  async #write(store: HistoryStore, events: Event[], outages: Outage[]): Promise<number> {
    try {
      const seq = await store.writeEvents(events);
      await store.saveOutages(outages);
      return seq;
    } catch (error) {
      this.#options.log.warn({ reason: String(error) }, "events could not be written yet");
      this.#options.onDatabaseError();
      throw error;
    }
  }

  #connected(): LocalClient {
    if (!this.#client) throw new Error("used before it was opened");
    return this.#client;
  }

  #take(push: LocalPush): void {
    if (push.push === "event") this.#events.push(push.data);
    else if (push.push === "outage") this.#outages.set(push.data.id, push.data);
    else return;
    if (this.#events.length > MAX_QUEUED) this.close();
    this.#wake();
  }
}
