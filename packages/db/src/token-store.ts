/** Tokens of the command line. The token is shown once; what is kept is its hash, by which it is found again. */
import { createHash, randomBytes } from "node:crypto";
import { Failure } from "@lockstep/model";
import { and, desc, eq, isNull, lt, or, sql } from "drizzle-orm";
import type { Database, Orm } from "./database.ts";
import { tokens, users } from "./schema/index.ts";

const TOKEN_BYTES = 32;
const PREFIX_LENGTH = 8;

type Role = "admin" | "viewer";

export interface TokenRow {
  id: string;
  name: string;
  user: string;
  role: Role;
  prefix: string;
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
}

export class TokenStore {
  readonly #orm: Orm;

  constructor(database: Database) {
    this.#orm = database.orm;
  }

  /** Newest first; those of one user, or of all. */
  async list(userId: string | null): Promise<TokenRow[]> {
    const rows = await this.#orm
      .select({ token: tokens, user: users.name })
      .from(tokens)
      .innerJoin(users, eq(users.id, tokens.userId))
      .where(userId === null ? undefined : eq(tokens.userId, userId))
      .orderBy(desc(tokens.createdAt));
    return rows.map(({ token, user }) => toTokenRow(token, user));
  }

  async create(
    user: { id: string; name: string },
    wish: { name: string; role: Role; days: number | null },
  ): Promise<TokenRow & { token: string }> {
    const token = `lst_${randomBytes(TOKEN_BYTES).toString("base64url")}`;
    const expiresAt = wish.days === null ? null : sql`now() + ${wish.days} * interval '1 day'`;
    const [row] = await this.#orm
      .insert(tokens)
      .values({
        userId: user.id,
        name: wish.name,
        role: wish.role,
        prefix: token.slice(0, PREFIX_LENGTH),
        sha256: hashToken(token),
        expiresAt,
      })
      .returning();
    if (!row) throw new Error("an insert returned no row");
    return { ...toTokenRow(row, user.name), token };
  }

  /** Ends a token of `userId`, or of anyone when that is null. Returns what it was called. */
  async revoke(userId: string | null, id: string): Promise<string> {
    const [row] = await this.#orm
      .delete(tokens)
      .where(
        and(
          sql`${tokens.id}::text = ${id}`,
          userId === null ? undefined : eq(tokens.userId, userId),
        ),
      )
      .returning({ name: tokens.name });
    if (!row) throw new Failure("not-found", "there is no such token");
    return row.name;
  }

  /** The user whose rights `token` carries, at most those that the user has now; null when it is not valid. */
  async verify(token: string): Promise<{ id: string; name: string; role: Role } | null> {
    const [row] = await this.#orm
      .select({ id: tokens.id, tokenRole: tokens.role, user: users })
      .from(tokens)
      .innerJoin(users, eq(users.id, tokens.userId))
      .where(
        and(
          eq(tokens.sha256, hashToken(token)),
          or(isNull(tokens.expiresAt), sql`${tokens.expiresAt} > now()`),
        ),
      );
    if (!row) return null;
    await this.#orm
      .update(tokens)
      .set({ lastUsedAt: sql`now()` })
      .where(
        and(
          eq(tokens.id, row.id),
          or(isNull(tokens.lastUsedAt), lt(tokens.lastUsedAt, sql`now() - interval '1 minute'`)),
        ),
      );
    const role = row.tokenRole === "admin" && row.user.role === "admin" ? "admin" : "viewer";
    return { id: row.user.id, name: row.user.name, role };
  }
}

function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function toTokenRow(row: typeof tokens.$inferSelect, user: string): TokenRow {
  return {
    id: row.id,
    name: row.name,
    user,
    role: row.role,
    prefix: row.prefix,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  };
}
