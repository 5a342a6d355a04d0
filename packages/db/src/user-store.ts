/** Users as the administration sees them. Passwords and sessions are better-auth's to write. */
import { Failure } from "@lockstep/model";
import { and, asc, eq, ne, sql } from "drizzle-orm";
import type { Database, Orm, Transaction } from "./database.ts";
import { sessions, users } from "./schema/index.ts";

type Role = "admin" | "viewer";

export interface UserRow {
  id: string;
  name: string;
  role: Role;
  createdAt: string;
}

export class UserStore {
  readonly #database: Database;
  readonly #orm: Orm;

  constructor(database: Database) {
    this.#database = database;
    this.#orm = database.orm;
  }

  async list(): Promise<UserRow[]> {
    return (await this.#orm.select().from(users).orderBy(asc(users.name))).map(toUserRow);
  }

  async isEmpty(): Promise<boolean> {
    return (await this.#orm.select({ id: users.id }).from(users).limit(1)).length === 0;
  }

  async get(id: string): Promise<UserRow> {
    const [row] = await this.#orm.select().from(users).where(eq(users.id, id));
    if (!row) throw new Failure("not-found", "there is no such user");
    return toUserRow(row);
  }

  async findByName(name: string): Promise<UserRow | null> {
    const [row] = await this.#orm.select().from(users).where(eq(users.name, name));
    return row ? toUserRow(row) : null;
  }

  /** Refused for the last administrator: nobody could undo it. */
  async setRole(id: string, role: Role): Promise<UserRow> {
    return this.#database.transaction(async (tx) => {
      if (role !== "admin") await assertOtherAdmin(tx, id);
      const [row] = await tx.update(users).set({ role }).where(eq(users.id, id)).returning();
      if (!row) throw new Failure("not-found", "there is no such user");
      return toUserRow(row);
    });
  }

  /** Takes the user's sessions and tokens along. Refused for the last administrator. */
  async delete(id: string): Promise<void> {
    await this.#database.transaction(async (tx) => {
      await assertOtherAdmin(tx, id);
      await tx.delete(users).where(eq(users.id, id));
    });
  }

  async endSessions(userId: string): Promise<void> {
    await this.#orm.delete(sessions).where(eq(sessions.userId, userId));
  }
}

async function assertOtherAdmin(tx: Transaction, id: string): Promise<void> {
  // Two administrators who demote each other at once must not both succeed.
  await tx.execute(sql`SELECT id FROM users WHERE role = 'admin' FOR UPDATE`);
  const others = await tx
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.role, "admin"), ne(users.id, id)))
    .limit(1);
  if (others.length === 0) {
    throw new Failure("refused", "this is the last administrator", "make another one first");
  }
}

function toUserRow(row: typeof users.$inferSelect): UserRow {
  return { id: row.id, name: row.name, role: row.role, createdAt: row.createdAt.toISOString() };
}
