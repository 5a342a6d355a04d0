/** Events and outages, as the data path told them. An event is written once and never changed. */
import type { EventKind, OutageCause, OutagePhase, Severity } from "@lockstep/model";
import {
  bigint,
  doublePrecision,
  index,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uuid,
} from "drizzle-orm/pg-core";
import { servers } from "./configuration.ts";

const time = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });
const count = (name: string) => bigint(name, { mode: "number" });
const owner = () =>
  uuid("server")
    .notNull()
    .references(() => servers.uuid, { onDelete: "cascade" });

export const events = pgTable(
  "events",
  {
    server: owner(),
    seq: count("seq").notNull(),
    at: time("at").notNull(),
    kind: text("kind").$type<EventKind>().notNull(),
    severity: text("severity").$type<Severity>().notNull(),
    actorWho: text("actor_who").notNull(),
    actorFrom: text("actor_from").notNull(),
    subject: text("subject").notNull(),
    message: text("message").notNull(),
    before: jsonb("before"),
    after: jsonb("after"),
  },
  (table) => [
    primaryKey({ columns: [table.server, table.seq] }),
    index("events_by_subject").on(table.server, table.subject, table.seq.desc()),
    index("events_by_kind").on(table.server, table.kind, table.seq.desc()),
  ],
);

export const outages = pgTable(
  "outages",
  {
    server: owner(),
    id: text("id").notNull(),
    lun: text("lun").notNull(),
    begunAt: time("begun_at").notNull(),
    detectedAt: time("detected_at").notNull(),
    cause: text("cause").$type<OutageCause>().notNull(),
    seenBy: text("seen_by").notNull(),
    phases: jsonb("phases").$type<OutagePhase[]>().notNull(),
    peakQueueBytes: count("peak_queue_bytes").notNull(),
    peakQueueRequests: count("peak_queue_requests").notNull(),
    healBytes: count("heal_bytes").notNull(),
    longestHostWaitMs: doublePrecision("longest_host_wait_ms"),
    healedAt: time("healed_at"),
  },
  (table) => [
    primaryKey({ columns: [table.server, table.id] }),
    index("outages_newest_first").on(table.server, table.detectedAt.desc(), table.id.desc()),
  ],
);
