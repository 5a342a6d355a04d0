/** Users and tokens for the API. Each change is reported as an audit event once it is done. */
import type { Account, Accounts, Role, TokenInfo, User } from "@lockstep/api";
import { TokenStore, UserStore } from "@lockstep/db";
import { type Actor, Failure } from "@lockstep/model";
import { createPasswordUser, setPassword } from "./auth.ts";
import type { Live } from "./credentials.ts";
import type { Report } from "./data-path-link.ts";

export interface AccountsOptions {
  live: () => Live | null;
  report: (report: Report) => void;
  /** Called after each change that may end a sign-in. */
  onChange: () => void;
}

export class AccountsService implements Accounts {
  readonly #options: AccountsOptions;

  constructor(options: AccountsOptions) {
    this.#options = options;
  }

  listUsers(): Promise<Account[]> {
    return this.#users().list();
  }

  async createUser(
    wish: { name: string; password: string; role: Role },
    actor: Actor,
  ): Promise<Account> {
    const users = this.#users();
    if (await users.findByName(wish.name)) {
      throw new Failure("exists", `there is a user ${wish.name} already`);
    }
    const user = await users.get(await createPasswordUser(this.#live().auth, wish));
    this.#changed(actor, user.name, `${user.name} may sign in as ${user.role}`, null, {
      role: user.role,
    });
    return user;
  }

  async setPassword({ id, password }: { id: string; password: string }, actor: Actor) {
    const users = this.#users();
    const user = await users.get(id);
    await setPassword(this.#live().auth, id, password);
    await users.endSessions(id);
    this.#changed(actor, user.name, `the password of ${user.name} was set`, null, null);
  }

  async setRole({ id, role }: { id: string; role: Role }, actor: Actor): Promise<Account> {
    const users = this.#users();
    const before = await users.get(id);
    const user = await users.setRole(id, role);
    const message = `${user.name} is ${role} now`;
    this.#changed(actor, user.name, message, { role: before.role }, { role });
    return user;
  }

  async deleteUser(id: string, actor: Actor): Promise<void> {
    const users = this.#users();
    const user = await users.get(id);
    await users.delete(id);
    const message = `${user.name} may not sign in any more`;
    this.#changed(actor, user.name, message, { role: user.role }, null);
  }

  listTokens(user: User): Promise<TokenInfo[]> {
    return this.#tokens().list(user.role === "admin" ? null : user.id);
  }

  async createToken(
    user: User,
    wish: { name: string; role: Role; days: number | null },
    actor: Actor,
  ): Promise<TokenInfo & { token: string }> {
    const made = await this.#tokens().create(user, wish);
    const { name, role, expiresAt } = made;
    this.#changed(actor, user.name, `the token "${name}" was made`, null, {
      name,
      role,
      expiresAt,
    });
    return made;
  }

  async revokeToken(user: User, id: string, actor: Actor): Promise<void> {
    const name = await this.#tokens().revoke(user.role === "admin" ? null : user.id, id);
    this.#changed(actor, user.name, `the token "${name}" was revoked`, { name }, null);
  }

  #changed(actor: Actor, subject: string, message: string, before: unknown, after: unknown): void {
    const { onChange, report } = this.#options;
    onChange();
    report({ kind: "user-changed", severity: "info", subject, message, before, after, actor });
  }

  #live(): Live {
    const live = this.#options.live();
    if (!live) {
      throw new Failure(
        "unavailable",
        "the database is away, and with it users and tokens",
        "it is tried again by itself",
      );
    }
    return live;
  }

  #users(): UserStore {
    return new UserStore(this.#live().database);
  }

  #tokens(): TokenStore {
    return new TokenStore(this.#live().database);
  }
}
