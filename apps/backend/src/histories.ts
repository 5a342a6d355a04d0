/**
 * Events and outages for the API: from the database, or, while that is away, from what the data path still holds.
 * A live event stream is both: what was missed first, then what comes, without a gap.
 */
import type { EventQuery, History, HistorySource, OutageQuery } from "@lockstep/api";
import type { HistoryStore } from "@lockstep/db";
import { type Event, Failure, type Outage } from "@lockstep/model";
import { BACKEND, type DataPathLink } from "./data-path-link.ts";

const PAGE = 500;

export class Histories implements History {
  readonly #link: Pick<DataPathLink, "command" | "events">;
  readonly #store: () => HistoryStore | null;
  readonly #onDatabaseError: () => void;

  constructor(
    link: Pick<DataPathLink, "command" | "events">,
    store: () => HistoryStore | null,
    onDatabaseError: () => void,
  ) {
    this.#link = link;
    this.#store = store;
    this.#onDatabaseError = onDatabaseError;
  }

  async events(query: EventQuery): Promise<{ events: Event[]; source: HistorySource }> {
    const stored = await this.#stored((store) => store.events(query));
    if (stored) return { events: stored.value, source: "database" };
    const since = query.since === null ? {} : { since: query.since };
    const held = await this.#link.command("event.list", since, BACKEND);
    return { events: selectEvents(held, query), source: "data path" };
  }

  async outages(query: OutageQuery): Promise<{ outages: Outage[]; source: HistorySource }> {
    const stored = await this.#stored((store) => store.outages(query));
    if (stored) return { outages: stored.value, source: "database" };
    const held = await this.#link.command("outage.list", {}, BACKEND);
    return { outages: selectOutages(held, query), source: "data path" };
  }

  async outage(id: string): Promise<Outage> {
    const stored = await this.#stored((store) => store.outage(id));
    return stored ? stored.value : this.#link.command("outage.show", { id }, BACKEND);
  }

  /** Events numbered above `after` (null: from now on), in order, until `signal` aborts. */
  async *watchEvents(after: number | null, signal: AbortSignal): AsyncGenerator<Event, void> {
    const live = this.#link.events.subscribe(signal);
    try {
      let last = after ?? 0;
      for await (const event of after === null ? [] : this.#missed(after)) {
        last = event.seq;
        yield event;
      }
      for await (const event of live.read()) {
        if (event.seq <= last) continue;
        last = event.seq;
        yield event;
      }
    } finally {
      live.close();
    }
  }

  async *#missed(after: number): AsyncGenerator<Event, void> {
    for (let last = after; ; ) {
      const page = await this.#eventsAfter(last);
      yield* page;
      const newest = page.at(-1);
      if (!newest || page.length < PAGE) return;
      last = newest.seq;
    }
  }

  async #eventsAfter(seq: number): Promise<Event[]> {
    const stored = await this.#stored((store) => store.eventsAfter(seq, PAGE));
    if (stored) return stored.value;
    const held = await this.#link.command("event.list", {}, BACKEND);
    return held.filter((event) => event.seq > seq).sort((a, b) => a.seq - b.seq);
  }

  /** Null when the database cannot say. */
  async #stored<T>(read: (store: HistoryStore) => Promise<T>): Promise<{ value: T } | null> {
    const store = this.#store();
    if (!store) return null;
    try {
      return { value: await read(store) };
    } catch (error) {
      if (error instanceof Failure) throw error;
      this.#onDatabaseError();
      return null;
    }
  }
}

function selectEvents(events: readonly Event[], query: EventQuery): Event[] {
  return events
    .filter((event) => query.before === null || event.seq < query.before)
    .filter((event) => query.kinds === null || query.kinds.includes(event.kind))
    .filter((event) => query.severities === null || query.severities.includes(event.severity))
    .filter((event) => query.subject === null || event.subject === query.subject)
    .sort((a, b) => b.seq - a.seq)
    .slice(0, query.limit);
}

function selectOutages(outages: readonly Outage[], query: OutageQuery): Outage[] {
  const order = (a: { detectedAt: string; id: string }, b: { detectedAt: string; id: string }) =>
    Date.parse(b.detectedAt) - Date.parse(a.detectedAt) || (a.id < b.id ? 1 : -1);
  const { before } = query;
  return outages
    .filter((outage) => query.lun === null || outage.lun === query.lun)
    .filter((outage) => !query.open || outage.healedAt === null)
    .filter((outage) => before === null || (outage.id !== before.id && order(before, outage) < 0))
    .sort(order)
    .slice(0, query.limit);
}
