/**
 * Events and outages of one server in the database. Events are written with the configuration that they changed and
 * with the cursor in one transaction, so each is there exactly once, whatever is killed in between (SPEC C3).
 */
import { type Event, Failure, type Outage, type Status } from "@lockstep/model";
import { and, asc, desc, eq, gt, gte, inArray, isNull, lt, sql } from "drizzle-orm";
import { applyEvent, applyStatus } from "./configuration.ts";
import type { Database, Orm } from "./database.ts";
import { cursors, events, outages, servers } from "./schema/index.ts";
import { storable } from "./storable.ts";

export interface EventFilter {
  before: number | null;
  limit: number;
  kinds: Event["kind"][] | null;
  severities: Event["severity"][] | null;
  subject: string | null;
  since: string | null;
}

export interface OutageFilter {
  before: { detectedAt: string; id: string } | null;
  limit: number;
  lun: string | null;
  open: boolean;
}

export class HistoryStore {
  readonly #database: Database;
  readonly #orm: Orm;
  readonly #server: string;

  private constructor(database: Database, server: string) {
    this.#database = database;
    this.#orm = database.orm;
    this.#server = server;
  }

  /** The store of the server that `status` is about, whose configuration it takes over. */
  static async open(database: Database, status: Status, at: string): Promise<HistoryStore> {
    const { uuid, name, version } = status.server;
    await database.transaction(async (tx) => {
      const row = { name, version, seenAt: at };
      await tx
        .insert(servers)
        .values({ uuid, ...row })
        .onConflictDoUpdate({ target: servers.uuid, set: row });
      await tx.insert(cursors).values({ server: uuid, seq: 0 }).onConflictDoNothing();
      await applyStatus(tx, status, at);
    });
    return new HistoryStore(database, uuid);
  }

  /** The number of the last event written. */
  async cursor(): Promise<number> {
    const [row] = await this.#orm
      .select({ seq: cursors.seq })
      .from(cursors)
      .where(eq(cursors.server, this.#server));
    return row?.seq ?? 0;
  }

  /** Writes those of `batch`, which is in order, that are not written yet. Returns the new cursor. */
  writeEvents(batch: readonly Event[]): Promise<number> {
    const server = this.#server;
    return this.#database.transaction(async (tx) => {
      const [row] = await tx
        .select({ seq: cursors.seq })
        .from(cursors)
        .where(eq(cursors.server, server))
        .for("update");
      const cursor = row?.seq ?? 0;
      const fresh = batch.filter((event) => event.seq > cursor);
      const last = fresh.at(-1);
      if (!last) return cursor;
      await tx.insert(events).values(fresh.map((event) => toEventRow(server, storable(event))));
      for (const event of fresh) {
        // An event that says nonsense about configuration must not hold up all that come after it.
        await tx
          .transaction((nested) => applyEvent(nested, server, event))
          .catch(rethrowUnlessData);
      }
      await tx.update(cursors).set({ seq: last.seq }).where(eq(cursors.server, server));
      return last.seq;
    });
  }

  async saveOutages(changed: readonly Outage[]): Promise<void> {
    if (changed.length === 0) return;
    await this.#database.transaction(async (tx) => {
      for (const outage of changed) {
        const row = toOutageRow(this.#server, storable(outage));
        await tx
          .insert(outages)
          .values(row)
          .onConflictDoUpdate({ target: [outages.server, outages.id], set: row });
      }
    });
  }

  async events(filter: EventFilter): Promise<Event[]> {
    const rows = await this.#orm
      .select()
      .from(events)
      .where(
        and(
          eq(events.server, this.#server),
          filter.before === null ? undefined : lt(events.seq, filter.before),
          filter.kinds ? inArray(events.kind, filter.kinds) : undefined,
          filter.severities ? inArray(events.severity, filter.severities) : undefined,
          filter.subject === null ? undefined : eq(events.subject, filter.subject),
          filter.since === null ? undefined : gte(events.at, new Date(filter.since)),
        ),
      )
      .orderBy(desc(events.seq))
      .limit(filter.limit);
    return rows.map(toEvent);
  }

  /** Oldest first. */
  async eventsAfter(seq: number, limit: number): Promise<Event[]> {
    const rows = await this.#orm
      .select()
      .from(events)
      .where(and(eq(events.server, this.#server), gt(events.seq, seq)))
      .orderBy(asc(events.seq))
      .limit(limit);
    return rows.map(toEvent);
  }

  async outages(filter: OutageFilter): Promise<Outage[]> {
    const { before } = filter;
    const rows = await this.#orm
      .select()
      .from(outages)
      .where(
        and(
          eq(outages.server, this.#server),
          before
            ? sql`(${outages.detectedAt}, ${outages.id}) < (${before.detectedAt}::timestamptz, ${before.id})`
            : undefined,
          filter.lun === null ? undefined : eq(outages.lun, filter.lun),
          filter.open ? isNull(outages.healedAt) : undefined,
        ),
      )
      .orderBy(desc(outages.detectedAt), desc(outages.id))
      .limit(filter.limit);
    return rows.map(toOutage);
  }

  async outage(id: string): Promise<Outage> {
    const [row] = await this.#orm
      .select()
      .from(outages)
      .where(and(eq(outages.server, this.#server), eq(outages.id, id)));
    if (!row) throw new Failure("not-found", `there is no outage ${id}`);
    return toOutage(row);
  }
}

/** Lets errors pass that are about the data: class 22 and 23 of PostgreSQL's error codes. */
function rethrowUnlessData(error: unknown): void {
  const { cause } = error as Error & { cause?: { code?: string } };
  if (!/^2[23]/.test(cause?.code ?? "")) throw error;
}

function toEventRow(server: string, event: Event): typeof events.$inferInsert {
  const { seq, kind, severity, subject, message, before, after } = event;
  const actor = { actorWho: event.actor.who, actorFrom: event.actor.from };
  return {
    server,
    seq,
    at: new Date(event.at),
    kind,
    severity,
    ...actor,
    subject,
    message,
    before,
    after,
  };
}

function toEvent(row: typeof events.$inferSelect): Event {
  const { seq, kind, severity, subject, message, before, after } = row;
  const actor = { who: row.actorWho, from: row.actorFrom };
  return { seq, at: row.at.toISOString(), kind, severity, actor, subject, message, before, after };
}

function toOutageRow(server: string, outage: Outage): typeof outages.$inferInsert {
  return {
    server,
    id: outage.id,
    lun: outage.lun,
    begunAt: new Date(outage.begunAt),
    detectedAt: new Date(outage.detectedAt),
    cause: outage.cause,
    seenBy: outage.seenBy,
    phases: outage.phases,
    peakQueueBytes: outage.peakQueue.bytes,
    peakQueueRequests: outage.peakQueue.requests,
    healBytes: outage.healBytes,
    longestHostWaitMs: outage.longestHostWaitMs,
    healedAt: outage.healedAt === null ? null : new Date(outage.healedAt),
  };
}

function toOutage(row: typeof outages.$inferSelect): Outage {
  return {
    id: row.id,
    lun: row.lun,
    begunAt: row.begunAt.toISOString(),
    detectedAt: row.detectedAt.toISOString(),
    cause: row.cause,
    seenBy: row.seenBy,
    phases: row.phases,
    peakQueue: { bytes: row.peakQueueBytes, requests: row.peakQueueRequests },
    healBytes: row.healBytes,
    longestHostWaitMs: row.longestHostWaitMs,
    healedAt: row.healedAt?.toISOString() ?? null,
  };
}
