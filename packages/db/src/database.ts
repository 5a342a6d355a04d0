/**
 * One pool of connections to one schema of a PostgreSQL, embedded or not, and drizzle upon it. `connection` says where
 * that is: an address, or the folder of a unix socket.
 */
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { Pool, type PoolConfig, type QueryConfig } from "pg";
import { migrate, quoteIdentifier } from "./migrate.ts";
import * as schema from "./schema/index.ts";

const POOL_SIZE = 5;
const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 30_000;
/** A statement that takes longer than this has lost its server. */
const QUERY_TIMEOUT_MS = 15_000;
/** pg reads the limit from the query too, which its types do not say. */
const PING: QueryConfig & { query_timeout: number } = { text: "SELECT 1", query_timeout: 4_000 };

export type Connection = { url: string } | { socketFolder: string; user: string; database: string };

export type Orm = NodePgDatabase<typeof schema>;

export type Transaction = Parameters<Parameters<Orm["transaction"]>[0]>[0];

export interface Database {
  readonly pool: Pool;
  readonly orm: Orm;
  /**
   * Carries `work` out in one transaction. To be used instead of drizzle's own over a pool, which never gives the
   * connection back when that broke before BEGIN.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Creates the schema and its tables, or brings them up to date; the names of the applied migrations. */
  migrate(): Promise<string[]>;
  /** Rejects unless the database answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Opens without connecting: the first query connects. `onError` hears of connections that broke. */
export function openDatabase(
  connection: Connection,
  schemaName: string,
  onError: (error: Error) => void,
): Database {
  const where: PoolConfig =
    "url" in connection
      ? { connectionString: connection.url }
      : {
          host: connection.socketFolder,
          user: connection.user,
          database: connection.database,
        };
  const pool = new Pool({
    ...where,
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    options: `-c search_path=${quoteIdentifier(schemaName)}`,
    application_name: "lockstep",
  });
  // A client in use has no listener of the pool's, and would take the process down when its server dies.
  pool.on("connect", (client) => client.on("error", onError));
  pool.on("error", () => {});
  return {
    pool,
    orm: drizzle(pool, { schema }),
    async transaction(work) {
      const client = await pool.connect();
      let isClean = false;
      try {
        const result = await drizzle(client, { schema }).transaction(work);
        isClean = true;
        return result;
      } finally {
        client.release(!isClean);
      }
    },
    async migrate() {
      const client = await pool.connect();
      try {
        return await migrate(client, schemaName);
      } finally {
        client.release();
      }
    },
    async ping() {
      await pool.query(PING);
    },
    close: () => pool.end(),
  };
}
