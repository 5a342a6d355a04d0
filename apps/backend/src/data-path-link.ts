/**
 * The backend's connection to the data path: commands down, status, events and outages up. It connects again by
 * itself whenever the data path was away, and says hello each time with what the status page shows of this process
 * and its database. Audit events that this process reports wait here, bounded, while the data path is away.
 */
import type { StatusView } from "@lockstep/api";
import { connectLocal, type LocalClient } from "@lockstep/api/local";
import {
  type Actor,
  type CommandInput,
  type CommandName,
  type CommandResult,
  type Event,
  Failure,
  type LocalPush,
  type Outage,
} from "@lockstep/model";
import type { Logger } from "pino";
import { BackOff } from "./back-off.ts";
import { Feed, Latest } from "./broadcast.ts";

const STATUS_INTERVAL_MS = 250;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;
/** Sign-ins while the data path is away; more than these are logged only. */
const MAX_REPORTS = 1_000;

/** This process, where it acts by itself. */
export const BACKEND: Actor = { who: "system", from: "backend" };

export interface Report {
  kind: Event["kind"];
  severity: Event["severity"];
  subject: string;
  message: string;
  before?: unknown;
  after?: unknown;
  actor: Actor;
}

export interface DatabaseState {
  databasePid: number | null;
  database: "connected" | "away";
}

export interface DataPathLinkOptions {
  dataFolder: string;
  log: Logger;
  databaseState: () => DatabaseState;
}

export class DataPathLink {
  readonly events = new Feed<Event>();
  readonly outages = new Feed<Outage>();
  readonly #view = new Latest<StatusView>({ dataPath: "away", status: null, at: null });
  readonly #reports: Report[] = [];
  readonly #options: DataPathLinkOptions;
  #client: LocalClient | null = null;
  #lastSeq = 0;
  #reporting = false;

  constructor(options: DataPathLinkOptions) {
    this.#options = options;
  }

  /** Keeps connected until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const backOff = new BackOff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
    const { log, dataFolder } = this.#options;
    let wasAway = false;
    while (!signal.aborted) {
      let client: LocalClient | null = null;
      const close = () => client?.close();
      try {
        client = await connectLocal(dataFolder, { onPush: (push) => this.#take(push) });
        signal.addEventListener("abort", close);
        await this.#begin(client);
        log.info("connected to the data path");
        backOff.succeeded();
        wasAway = false;
        const reason = await client.closed;
        if (!signal.aborted) log.warn({ reason: reason.message }, "the data path is away");
      } catch (error) {
        if (!wasAway) log.warn({ reason: String(error) }, "the data path does not answer");
        wasAway = true;
      } finally {
        signal.removeEventListener("abort", close);
        client?.close();
        this.#client = null;
        this.#view.set({ ...this.#view.value, dataPath: "away" });
      }
      await backOff.wait(signal);
    }
  }

  view(): StatusView {
    return this.#view.value;
  }

  watchStatus(signal: AbortSignal): AsyncIterable<StatusView> {
    return this.#view.watch(signal);
  }

  /** How many read the status now, for the metrics. */
  get statusReaders(): number {
    return this.#view.readers;
  }

  async command<C extends CommandName>(
    name: C,
    params: CommandInput<C>,
    actor: Actor,
  ): Promise<CommandResult<C>> {
    if (!this.#client) {
      throw new Failure(
        "unreachable",
        "the data path does not answer",
        "it is started again by itself; if it stays away, see its log",
      );
    }
    return this.#client.command(name, params, actor);
  }

  /** Says hello again, after something that it tells has changed. */
  async announce(): Promise<void> {
    const client = this.#client;
    if (!client) return;
    const hello = { role: "backend", pid: process.pid, ...this.#options.databaseState() } as const;
    await client.tell("hello", hello, BACKEND).catch(() => {});
  }

  /** Lets the data path number and keep an event. Never fails: an audit must not stop what it is about. */
  report(report: Report): void {
    if (this.#reports.length >= MAX_REPORTS) {
      this.#options.log.error({ report }, "an audit event is lost: the data path is away too long");
      return;
    }
    this.#reports.push(report);
    void this.#sendReports();
  }

  async #begin(client: LocalClient): Promise<void> {
    const status = await client.command("status", {}, BACKEND);
    this.#client = client;
    this.#show(status);
    await this.announce();
    await client.tell(
      "subscribe",
      {
        status: { intervalMs: STATUS_INTERVAL_MS },
        eventsAfter: this.#lastSeq,
        outages: true,
      },
      BACKEND,
    );
    void this.#sendReports();
  }

  #show(status: StatusView["status"]): void {
    this.#view.set({ dataPath: "connected", status, at: new Date().toISOString() });
  }

  #take(push: LocalPush): void {
    switch (push.push) {
      case "status":
        this.#show(push.data);
        return;
      case "event":
        if (push.data.seq <= this.#lastSeq) return;
        this.#lastSeq = push.data.seq;
        this.events.push(push.data);
        return;
      case "outage":
        this.outages.push(push.data);
        return;
      case "events-lost":
        this.#options.log.error(push.data, "events were lost: the data path's spool was full");
    }
  }

  /** One report at a time, in order; the first that fails waits for the next connection. */
  async #sendReports(): Promise<void> {
    if (this.#reporting) return;
    this.#reporting = true;
    try {
      for (let next = this.#reports[0]; next && this.#client; next = this.#reports[0]) {
        const { actor, ...event } = next;
        await this.#client.tell("event.report", event, actor);
        this.#reports.shift();
      }
    } catch (error) {
      if (error instanceof Failure && error.code === "unreachable") return;
      this.#options.log.error(
        { err: error, report: this.#reports.shift() },
        "an event was refused",
      );
    } finally {
      this.#reporting = false;
    }
  }
}
