/**
 * What the API needs from the process that serves it: who asks, the data path, the history and the accounts. The
 * routers know only these interfaces, so they are tested without sockets and without a database.
 */
import type {
  Actor,
  CommandInput,
  CommandName,
  CommandResult,
  Event,
  EventKind,
  Outage,
  Severity,
  Status,
} from "@lockstep/model";

export type Role = "admin" | "viewer";

export interface User {
  id: string;
  name: string;
  role: Role;
}

/** What is known of the data path: its newest status, and whether it still answers. */
export interface StatusView {
  dataPath: "connected" | "away";
  /** The newest status heard, also while the data path is away; null before the first. */
  status: Status | null;
  /** When that status came, ISO 8601; null before the first. */
  at: string | null;
}

export interface Appliance {
  command<C extends CommandName>(
    name: C,
    params: CommandInput<C>,
    actor: Actor,
  ): Promise<CommandResult<C>>;
  view(): StatusView;
  /** The view at once, then each change of it. Slow readers skip to the newest. */
  watchStatus(signal: AbortSignal): AsyncIterable<StatusView>;
  /** Events numbered above `after` (null: from now on), in order. */
  watchEvents(after: number | null, signal: AbortSignal): AsyncIterable<Event>;
  watchOutages(signal: AbortSignal): AsyncIterable<Outage>;
}

/** Where a page of history came from: with the database away the data path tells what its spool still holds. */
export type HistorySource = "database" | "data path";

export interface EventQuery {
  /** Only events numbered below this. */
  before: number | null;
  limit: number;
  kinds: EventKind[] | null;
  severities: Severity[] | null;
  subject: string | null;
  /** ISO 8601. */
  since: string | null;
}

export interface OutageQuery {
  /** Only outages behind this one in the list: detected before it, or at the same time with a lower id. */
  before: { detectedAt: string; id: string } | null;
  limit: number;
  lun: string | null;
  /** Only outages that last. */
  open: boolean;
}

export interface History {
  /** Newest first. */
  events(query: EventQuery): Promise<{ events: Event[]; source: HistorySource }>;
  /** Newest first. */
  outages(query: OutageQuery): Promise<{ outages: Outage[]; source: HistorySource }>;
  /** Rejects with a `not-found` Failure. */
  outage(id: string): Promise<Outage>;
}

export interface Account extends User {
  createdAt: string;
}

export interface TokenInfo {
  id: string;
  name: string;
  /** The name of the user whose rights it has. */
  user: string;
  role: Role;
  /** The first characters, so that a token found somewhere can be told apart. */
  prefix: string;
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
}

/** Users and the tokens of the command line. Each change leaves an audit event that names `actor`. */
export interface Accounts {
  listUsers(): Promise<Account[]>;
  createUser(wish: { name: string; password: string; role: Role }, actor: Actor): Promise<Account>;
  setPassword(wish: { id: string; password: string }, actor: Actor): Promise<void>;
  setRole(wish: { id: string; role: Role }, actor: Actor): Promise<Account>;
  deleteUser(id: string, actor: Actor): Promise<void>;
  /** All tokens for an administrator, else those of the user. */
  listTokens(user: User): Promise<TokenInfo[]>;
  /** The token itself is told once, here. */
  createToken(
    user: User,
    wish: { name: string; role: Role; days: number | null },
    actor: Actor,
  ): Promise<TokenInfo & { token: string }>;
  revokeToken(user: User, id: string, actor: Actor): Promise<void>;
}

export interface Context {
  /** Null without valid credentials. */
  user: User | null;
  /** The address that the request came from. */
  address: string;
  appliance: Appliance;
  history: History;
  accounts: Accounts;
}
