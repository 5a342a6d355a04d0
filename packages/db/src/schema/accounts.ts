/** Users, their sessions and tokens. All but `tokens` belongs to better-auth, whose column names they bear. */
import { boolean, index, integer, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";

const time = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });

export const users = pgTable("users", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  email: text("email").notNull().unique(),
  emailVerified: boolean("emailVerified").notNull(),
  image: text("image"),
  createdAt: time("createdAt").notNull(),
  updatedAt: time("updatedAt").notNull(),
  username: text("username").unique(),
  displayUsername: text("displayUsername"),
  twoFactorEnabled: boolean("twoFactorEnabled"),
  role: text("role").$type<"admin" | "viewer">().notNull(),
});

const ofUser = (name: string) =>
  text(name)
    .notNull()
    .references(() => users.id, { onDelete: "cascade" });

export const sessions = pgTable(
  "sessions",
  {
    id: text("id").primaryKey(),
    expiresAt: time("expiresAt").notNull(),
    token: text("token").notNull().unique(),
    createdAt: time("createdAt").notNull(),
    updatedAt: time("updatedAt").notNull(),
    ipAddress: text("ipAddress"),
    userAgent: text("userAgent"),
    userId: ofUser("userId"),
  },
  (table) => [index("sessions_by_user").on(table.userId)],
);

export const accounts = pgTable(
  "accounts",
  {
    id: text("id").primaryKey(),
    accountId: text("accountId").notNull(),
    providerId: text("providerId").notNull(),
    userId: ofUser("userId"),
    accessToken: text("accessToken"),
    refreshToken: text("refreshToken"),
    idToken: text("idToken"),
    accessTokenExpiresAt: time("accessTokenExpiresAt"),
    refreshTokenExpiresAt: time("refreshTokenExpiresAt"),
    scope: text("scope"),
    password: text("password"),
    createdAt: time("createdAt").notNull(),
    updatedAt: time("updatedAt").notNull(),
  },
  (table) => [index("accounts_by_user").on(table.userId)],
);

export const verifications = pgTable(
  "verifications",
  {
    id: text("id").primaryKey(),
    identifier: text("identifier").notNull(),
    value: text("value").notNull(),
    expiresAt: time("expiresAt").notNull(),
    createdAt: time("createdAt").notNull(),
    updatedAt: time("updatedAt").notNull(),
  },
  (table) => [index("verifications_by_identifier").on(table.identifier)],
);

export const twoFactors = pgTable(
  "two_factors",
  {
    id: text("id").primaryKey(),
    secret: text("secret").notNull(),
    backupCodes: text("backupCodes").notNull(),
    userId: ofUser("userId"),
    verified: boolean("verified"),
    failedVerificationCount: integer("failedVerificationCount"),
    lockedUntil: time("lockedUntil"),
  },
  (table) => [index("two_factors_by_user").on(table.userId)],
);

export const tokens = pgTable(
  "tokens",
  {
    id: uuid("id").primaryKey().defaultRandom(),
    userId: ofUser("user_id"),
    name: text("name").notNull(),
    role: text("role").$type<"admin" | "viewer">().notNull(),
    prefix: text("prefix").notNull(),
    sha256: text("sha256").notNull().unique(),
    createdAt: time("created_at").notNull().defaultNow(),
    expiresAt: time("expires_at"),
    lastUsedAt: time("last_used_at"),
  },
  (table) => [index("tokens_by_user").on(table.userId)],
);
