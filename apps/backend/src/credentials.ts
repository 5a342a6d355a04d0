/**
 * Who a request comes from: a session cookie of the console or a token of the command line, asked of the database
 * each time. What was found true is remembered, so that those who are at work go on while the database is away; it
 * decides nothing while the database is there.
 */
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { User } from "@lockstep/api";
import { type Database, TokenStore } from "@lockstep/db";
import { Failure } from "@lockstep/model";
import { fromNodeHeaders } from "better-auth/node";
import type { Auth } from "./auth.ts";

const REMEMBER_MS = 8 * 3_600_000;
const MAX_REMEMBERED = 1_000;

/** The database with what is built upon it, as long as it is there. */
export interface Live {
  database: Database;
  auth: Auth;
}

interface Remembered {
  user: User;
  until: number;
}

export interface Credential {
  kind: "token" | "session";
  value: string;
}

export class Credentials {
  readonly #live: () => Live | null;
  readonly #onDatabaseError: () => void;
  readonly #cookieName: RegExp;
  readonly #remembered = new Map<string, Remembered>();
  readonly #now: () => number;

  constructor(options: {
    serverName: string;
    live: () => Live | null;
    onDatabaseError: () => void;
    now?: () => number;
  }) {
    this.#live = options.live;
    this.#onDatabaseError = options.onDatabaseError;
    this.#cookieName = new RegExp(
      `(?:^|;\\s*)(?:__Secure-)?lockstep-${options.serverName}\\.session_token=([^;]+)`,
    );
    this.#now = options.now ?? Date.now;
  }

  /** Null for nobody. Rejects with a Failure `unavailable` when only the database could tell. */
  async verify(headers: IncomingHttpHeaders): Promise<User | null> {
    const credential = this.find(headers);
    if (!credential) return null;
    const key = createHash("sha256").update(`${credential.kind} ${credential.value}`).digest("hex");
    const live = this.#live();
    if (live) {
      try {
        const user = await ask(live, credential, headers);
        if (user) this.#remember(key, user);
        else this.#remembered.delete(key);
        return user;
      } catch {
        this.#onDatabaseError();
      }
    }
    const known = this.#remembered.get(key);
    if (known && known.until > this.#now()) return known.user;
    throw new Failure(
      "unavailable",
      "the database is away, and this sign-in is not known without it",
      "the local socket works meanwhile: lockstep --data DIR",
    );
  }

  find(headers: IncomingHttpHeaders): Credential | null {
    const token = /^Bearer (\S+)$/i.exec(headers.authorization ?? "")?.[1];
    if (token !== undefined) return { kind: "token", value: token };
    const cookie = this.#cookieName.exec(headers.cookie ?? "")?.[1];
    return cookie === undefined ? null : { kind: "session", value: cookie };
  }

  /** After a user or a token changed: what was true may be no more. */
  forget(): void {
    this.#remembered.clear();
  }

  #remember(key: string, user: User): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, { user, until: this.#now() + REMEMBER_MS });
    if (this.#remembered.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }
}

async function ask(live: Live, credential: Credential, headers: IncomingHttpHeaders) {
  if (credential.kind === "token") return new TokenStore(live.database).verify(credential.value);
  const found = await live.auth.api.getSession({ headers: fromNodeHeaders(headers) });
  if (!found) return null;
  const { id, name, role } = found.user;
  return { id, name, role: role === "admin" ? "admin" : "viewer" } satisfies User;
}
