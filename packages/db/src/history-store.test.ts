import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import {
  DEFAULT_LINK_SETTINGS,
  type Event,
  type Lun,
  type Outage,
  type Status,
} from "@lockstep/model";
import { getTableConfig, type PgTable } from "drizzle-orm/pg-core";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type Database, openDatabase } from "./database.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres.ts";
import { HistoryStore } from "./history-store.ts";
import { migrate } from "./migrate.ts";
import * as tables from "./schema/index.ts";

const AT = "2026-11-22T10:00:00.000Z";
const SERVER = "0f8e3c52-7a3b-4c8f-9d1e-5b6a7c8d9e0f";

let folder: string;
let server: EmbeddedPostgres;
let database: Database;
let schemas = 0;

const status = {
  server: { uuid: SERVER, name: "alpha", version: "0.1.0" },
  link: { settings: DEFAULT_LINK_SETTINGS, settingsVersion: 3, peer: null },
  luns: [],
} as unknown as Status;

function event(seq: number, rest: Partial<Event> = {}): Event {
  return {
    seq,
    at: AT,
    kind: "drill",
    severity: "info",
    actor: { who: "uid 0", from: "local socket" },
    subject: "link",
    message: `event ${seq}`,
    before: null,
    after: null,
    ...rest,
  };
}

const all = {
  before: null,
  limit: 1000,
  kinds: null,
  severities: null,
  subject: null,
  since: null,
};

vi.setConfig({ hookTimeout: 40_000 });
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "lockstep-db-"));
  chmodSync(folder, 0o755);
  server = await startEmbeddedPostgres({ folder: join(folder, "postgres") });
});
beforeEach(async () => {
  await database?.close();
  database = openDatabase(server, `server-${++schemas}`, () => {});
  await database.migrate();
});
afterAll(async () => {
  await database.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});

describe("migrations", () => {
  it("make what the schema says, column by column", async () => {
    const { rows } = await database.pool.query<{ t: string; c: string; y: string; n: string }>(
      `SELECT table_name AS t, column_name AS c, data_type AS y, is_nullable AS n
       FROM information_schema.columns WHERE table_schema = current_schema`,
    );
    const made = rows
      .filter(({ t }) => t !== "migrations")
      .map((r) => `${r.t}.${r.c} ${r.y} ${r.n}`);
    const declared = Object.values(tables).flatMap((table) => {
      const { name, columns } = getTableConfig(table as PgTable);
      return columns.map((column) => {
        const type = column.getSQLType().replace(/^timestamp.*/, "timestamp with time zone");
        return `${name}.${column.name} ${type} ${column.notNull ? "NO" : "YES"}`;
      });
    });
    expect(made.sort()).toEqual(declared.sort());
  });

  it("are applied once, also by two processes at the same time", async () => {
    const two = [0, 1].map(() => openDatabase(server, "both", () => {}));
    const applied = await Promise.all(two.map((one) => one.migrate()));
    expect(applied.flat()).toEqual(["0001_first-release.sql"]);
    for (const one of two) await one.close();
  });

  it("keep to the schema of their server in a database that several share by its address", async () => {
    const host = encodeURIComponent(server.socketFolder);
    const url = `postgres://${server.user}@/${server.database}?host=${host}`;
    const [alpha, beta] = ["shared-alpha", "shared-beta"].map((name) =>
      openDatabase({ url }, name, () => {}),
    ) as [Database, Database];
    await alpha.migrate();
    await beta.migrate();
    const store = await HistoryStore.open(alpha, status, AT);
    await store.writeEvents([event(1)]);
    expect(await (await HistoryStore.open(beta, status, AT)).cursor()).toBe(0);
    const { rows } = await alpha.pool.query(`SELECT count(*)::int AS n FROM "shared-alpha".events`);
    expect(rows).toEqual([{ n: 1 }]);
    await alpha.close();
    await beta.close();
  });

  it("refuse a database of a newer release, and a file that was changed, and leave it as it was", async () => {
    const copy = join(folder, "migrations");
    cpSync(new URL("../migrations/", import.meta.url), copy, { recursive: true });
    const url = pathToFileURL(copy + sep);
    const client = new Client({ host: server.socketFolder, user: server.user });
    await client.connect();
    await client.query("CREATE SCHEMA newer; SET search_path = newer");
    writeFileSync(join(copy, "0002_more.sql"), "CREATE TABLE more (n integer)");
    expect(await migrate(client, "newer", url)).toHaveLength(2);
    await expect(migrate(client, "newer")).rejects.toThrow("newer release (0002_more.sql)");
    writeFileSync(join(copy, "0002_more.sql"), "DROP TABLE more");
    await expect(migrate(client, "newer", url)).rejects.toThrow("0002_more.sql is not the one");
    writeFileSync(join(copy, "0002_more.sql"), "CREATE TABLE more (n integer)");
    writeFileSync(join(copy, "0003_broken.sql"), "DROP TABLE more; nonsense");
    await expect(migrate(client, "newer", url)).rejects.toThrow("syntax error");
    expect((await client.query("SELECT * FROM more")).rowCount).toBe(0);
    await client.end();
  });
});

describe("[C3] events", () => {
  it("are written once, whatever comes twice, and read newest first", async () => {
    const store = await HistoryStore.open(database, status, AT);
    expect(await store.cursor()).toBe(0);
    expect(await store.writeEvents([event(1), event(2)])).toBe(2);
    expect(await store.writeEvents([event(1), event(2), event(3, { after: { t1: 1 } })])).toBe(3);
    expect(await store.writeEvents([event(2)])).toBe(3);
    expect(await store.events(all)).toEqual([event(3, { after: { t1: 1 } }), event(2), event(1)]);
    const page = await store.events({ ...all, before: 3, limit: 1 });
    expect(page.map(({ seq }) => seq)).toEqual([2]);
    expect(await store.events({ ...all, kinds: ["sign-in"] })).toEqual([]);
    expect(await store.events({ ...all, since: "2026-11-22T12:00:00.001+02:00" })).toEqual([]);
  });

  it("change the configuration in the same transaction", async () => {
    const store = await HistoryStore.open(database, status, AT);
    const lun: Partial<Lun> = { name: "demo", sizeBytes: 2 ** 41, mode: "sync", designated: false };
    await store.writeEvents([
      event(1, { kind: "lun-created", subject: "demo", after: lun }),
      event(2, {
        kind: "lun-changed",
        subject: "demo",
        after: { mode: "async", journalLimitBytes: 1 },
      }),
      event(3, { kind: "lun-created", subject: "gone", after: { sizeBytes: 512 } }),
      event(4, { kind: "lun-deleted", subject: "gone", before: { sizeBytes: 512 } }),
      event(5, { kind: "link-settings", after: { t1: 3000 } }),
      event(6, { kind: "peer-joined", subject: "beta", after: { name: "beta", uuid: "x" } }),
    ]);
    expect(await database.orm.select().from(tables.luns)).toMatchObject([
      { name: "demo", sizeBytes: 2 ** 41, mode: "async", designated: false, journalLimitBytes: 1 },
    ]);
    const [settings] = await database.orm.select().from(tables.linkSettings);
    expect(settings).toMatchObject({ version: 3, t1Ms: 3000, t2Ms: 500 });
    expect(await database.orm.select().from(tables.peers)).toMatchObject([{ name: "beta" }]);
    await HistoryStore.open(database, status, AT);
    expect(await database.orm.select().from(tables.luns)).toEqual([]);
    expect(await database.orm.select().from(tables.peers)).toEqual([]);
  });

  it("are never held up by what PostgreSQL cannot store", async () => {
    const store = await HistoryStore.open(database, status, AT);
    const odd = "a\0b\ud800c";
    const poison = [
      event(1, { message: odd, subject: odd, before: { [odd]: [odd] } }),
      event(2, { kind: "lun-created", subject: "demo", after: { sizeBytes: 0.5 } }),
      event(3, { kind: "lun-created", subject: "demo", after: "nonsense" }),
    ];
    expect(await store.writeEvents(poison)).toBe(3);
    const [last] = (await store.events(all)).slice(-1);
    expect(last?.message).toBe("a\ufffdb\ufffdc");
  });

  it("are all there exactly once when the database is killed in between, again and again", async () => {
    let store = await HistoryStore.open(database, status, AT);
    const total = 400;
    let kills = 0;
    for (let next = 1; next <= total; ) {
      const batch = [event(next), event(next + 1), event(next + 2), event(next + 3)];
      const written = store.writeEvents(batch).then(() => true);
      if (next > (kills + 1) * 100) {
        kills++;
        process.kill(server.pid, "SIGKILL");
      }
      if (await written.catch(() => false)) next += 4;
      else {
        await server.exited;
        await database.close();
        server = await startEmbeddedPostgres({ folder: join(folder, "postgres") });
        database = openDatabase(server, `server-${schemas}`, () => {});
        store = await HistoryStore.open(database, status, AT);
      }
    }
    expect(kills).toBe(3);
    const seqs = (await store.events(all)).map(({ seq }) => seq);
    expect(seqs).toEqual(Array.from({ length: total }, (_, i) => total - i));
    expect(await store.cursor()).toBe(total);
    // Recovery after each kill syncs all files, which a busy disk may draw out.
  }, 40_000);
});

describe("outages", () => {
  const outage: Outage = {
    id: "1-demo",
    lun: "demo",
    begunAt: AT,
    detectedAt: AT,
    cause: "silence",
    seenBy: "alpha",
    phases: [{ kind: "queueing", at: AT, endedAt: null }],
    peakQueue: { bytes: 4096, requests: 1 },
    healBytes: 0,
    longestHostWaitMs: null,
    healedAt: null,
  };

  it("are kept as they were last told, and paged newest first without losing equal times", async () => {
    const store = await HistoryStore.open(database, status, AT);
    const healed = { ...outage, healedAt: AT, longestHostWaitMs: 1.5, healBytes: 4096 };
    const twin = { ...outage, id: "2-demo" };
    await store.saveOutages([outage, twin]);
    await store.saveOutages([healed]);
    expect(await store.outage("1-demo")).toEqual(healed);
    await expect(store.outage("none")).rejects.toMatchObject({ code: "not-found" });
    const query = { before: null, limit: 1, lun: "demo", open: false };
    expect(await store.outages(query)).toEqual([twin]);
    const before = { detectedAt: twin.detectedAt, id: twin.id };
    expect(await store.outages({ ...query, before })).toEqual([healed]);
    expect(await store.outages({ ...query, open: true, limit: 9 })).toEqual([twin]);
  });
});
