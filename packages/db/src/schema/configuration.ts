/** Configuration as last heard from the data path, which keeps the copy that counts beside the data (SPEC C2). */
import {
  bigint,
  boolean,
  integer,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uuid,
} from "drizzle-orm/pg-core";

const changedAt = timestamp("changed_at", { withTimezone: true, mode: "string" }).notNull();
const bytes = (name: string) => bigint(name, { mode: "number" });

export const servers = pgTable("servers", {
  uuid: uuid("uuid").primaryKey(),
  name: text("name").notNull(),
  version: text("version").notNull(),
  seenAt: timestamp("seen_at", { withTimezone: true, mode: "string" }).notNull(),
});

const owner = () =>
  uuid("server")
    .notNull()
    .references(() => servers.uuid, { onDelete: "cascade" });

export const cursors = pgTable("cursors", {
  server: owner().primaryKey(),
  seq: bytes("seq").notNull(),
});

export const luns = pgTable(
  "luns",
  {
    server: owner(),
    name: text("name").notNull(),
    uuid: uuid("uuid"),
    number: integer("number"),
    sizeBytes: bytes("size_bytes"),
    role: text("role"),
    mode: text("mode"),
    designated: boolean("designated"),
    policy: text("policy"),
    journalLimitBytes: bytes("journal_limit_bytes"),
    writeCache: boolean("write_cache"),
    backingKind: text("backing_kind"),
    backingPath: text("backing_path"),
    changedAt,
  },
  (table) => [primaryKey({ columns: [table.server, table.name] })],
);

export const linkSettings = pgTable("link_settings", {
  server: owner().primaryKey(),
  version: integer("version"),
  t1Ms: integer("t1_ms"),
  t2Ms: integer("t2_ms"),
  t3Ms: integer("t3_ms"),
  t4Ms: integer("t4_ms"),
  probationMs: integer("probation_ms"),
  connections: integer("connections"),
  changedAt,
});

export const peers = pgTable("peers", {
  server: owner().primaryKey(),
  uuid: text("uuid"),
  name: text("name"),
  address: text("address"),
  changedAt,
});
