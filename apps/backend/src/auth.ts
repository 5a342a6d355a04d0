/**
 * Sign-in for people: better-auth over this server's tables, with user names, second factors and rate limits. Users
 * are made by administrators only; addresses of mail are placeholders that better-auth asks for. Cookies bear the
 * server's name, because two servers on one machine share a browser's cookies.
 */
import type { Database } from "@lockstep/db";
import { betterAuth } from "better-auth";
import { twoFactor, username } from "better-auth/plugins";
import type { Logger } from "pino";

/** The header in which the HTTP server tells the caller's address; what the caller sent under it is dropped. */
export const ADDRESS_HEADER = "x-lockstep-address";
/** better-auth's provider of accounts with a password. */
const PASSWORD_PROVIDER = "credential";
const SESSION_S = 12 * 3600;
const RENEW_S = 3600;

export interface AuthOptions {
  serverName: string;
  secret: string;
  /** Under which this server knows itself, `http://127.0.0.1:7400`. */
  baseUrl: string;
  log: Logger;
}

export type Auth = ReturnType<typeof createAuth>;

export function createAuth(database: Database, { serverName, secret, baseUrl, log }: AuthOptions) {
  return betterAuth({
    baseURL: baseUrl,
    secret,
    database: database.pool,
    telemetry: { enabled: false },
    logger: {
      level: "warn",
      log: (level, message) => log[level === "error" ? "error" : "warn"]({ auth: message }),
    },
    emailAndPassword: { enabled: true, disableSignUp: true, maxPasswordLength: 128 },
    user: {
      modelName: "users",
      additionalFields: { role: { type: "string", required: true, input: false } },
    },
    session: { modelName: "sessions", expiresIn: SESSION_S, updateAge: RENEW_S },
    account: { modelName: "accounts" },
    verification: { modelName: "verifications" },
    plugins: [
      username({ minUsernameLength: 2, usernameValidator: (name) => /^[a-z0-9._-]+$/i.test(name) }),
      twoFactor({
        issuer: `Lockstep ${serverName}`,
        schema: { twoFactor: { modelName: "two_factors" } },
      }),
    ],
    rateLimit: {
      enabled: true,
      window: 10,
      max: 100,
      customRules: { "/sign-in/username": { window: 60, max: 10 } },
    },
    // Whoever reaches this server by another name than `baseUrl` is at home too; the caller's Host decides.
    trustedOrigins: (request) => (request ? [new URL(request.url).origin] : []),
    advanced: {
      cookiePrefix: `lockstep-${serverName}`,
      ipAddress: { ipAddressHeaders: [ADDRESS_HEADER] },
      disableOriginCheck: false,
      disableCSRFCheck: false,
      database: { validateSchema: false },
    },
  });
}

/** Makes a user who signs in with a password. */
export async function createPasswordUser(
  auth: Auth,
  wish: { name: string; password: string; role: "admin" | "viewer" },
): Promise<string> {
  const { internalAdapter, password } = await auth.$context;
  const user = await internalAdapter.createUser(
    {
      name: wish.name,
      username: wish.name,
      email: `${wish.name}@lockstep.invalid`,
      emailVerified: true,
      role: wish.role,
    },
    { method: "admin" },
  );
  await internalAdapter.linkAccount({
    userId: user.id,
    accountId: user.id,
    providerId: PASSWORD_PROVIDER,
    password: await password.hash(wish.password),
  });
  return user.id;
}

export async function setPassword(auth: Auth, userId: string, wish: string): Promise<void> {
  const { internalAdapter, password } = await auth.$context;
  await internalAdapter.updatePassword(userId, await password.hash(wish));
}
