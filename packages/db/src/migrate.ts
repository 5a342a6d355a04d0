/**
 * Brings a database up to date: each file of `migrations/` in the order of its name, once, all that are missing in one
 * transaction under an advisory lock, so that two processes never race. What was applied is kept with its hash: a
 * file that changed afterwards, or one that this release does not know, is a mistake that must not be built upon.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { Failure } from "@lockstep/model";
import type { ClientBase } from "pg";

const FOLDER = new URL("../migrations/", import.meta.url);
/** Any number that nobody else uses: "lock" in ASCII. */
const ADVISORY_LOCK = 0x6c6f636b;

interface Migration {
  name: string;
  sql: string;
  sha256: string;
}

async function readMigrations(folder: URL): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, folder), "utf8");
      return { name, sql, sha256: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

/** Applies what is missing and returns the names of that. `schema` is created when it does not exist. */
export async function migrate(
  client: ClientBase,
  schema: string,
  folder: URL = FOLDER,
): Promise<string[]> {
  const migrations = await readMigrations(folder);
  await client.query("BEGIN");
  try {
    await client.query("SELECT pg_advisory_xact_lock($1)", [ADVISORY_LOCK]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`);
    await client.query(`CREATE TABLE IF NOT EXISTS migrations (
      name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
    const { rows } = await client.query<{ name: string; sha256: string }>(
      "SELECT name, sha256 FROM migrations",
    );
    const missing = missingMigrations(migrations, new Map(rows.map((r) => [r.name, r.sha256])));
    for (const { name, sql, sha256 } of missing) {
      await client.query(sql);
      await client.query("INSERT INTO migrations (name, sha256) VALUES ($1, $2)", [name, sha256]);
    }
    await client.query("COMMIT");
    return missing.map(({ name }) => name);
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}

function missingMigrations(known: Migration[], applied: Map<string, string>): Migration[] {
  const missing = known.filter(({ name }) => !applied.has(name));
  for (const { name, sha256 } of known) {
    const hash = applied.get(name);
    if (hash !== undefined && hash !== sha256) {
      throw new Failure("refused", `the migration ${name} is not the one that made this database`);
    }
    applied.delete(name);
  }
  const [unknown] = applied.keys();
  if (unknown !== undefined) {
    throw new Failure(
      "refused",
      `the database was made by a newer release (${unknown})`,
      "run that release, or give this server another database",
    );
  }
  return missing;
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
