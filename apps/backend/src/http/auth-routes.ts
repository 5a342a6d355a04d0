/**
 * better-auth at `/api/auth`: only the paths that the console needs are there. Who signed in, and who failed to, is
 * reported for the audit.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ADDRESS_HEADER } from "../auth.ts";
import type { Credentials, Live } from "../credentials.ts";
import type { Report } from "../data-path-link.ts";
import { isSameOrigin } from "./same-origin.ts";

const PREFIX = "/api/auth";
const SIGN_IN = "/sign-in/username";
const SECOND_FACTOR = ["/two-factor/verify-totp", "/two-factor/verify-backup-code"];
const READING = ["/get-session", "/list-sessions"];
const CHANGING = [
  SIGN_IN,
  ...SECOND_FACTOR,
  "/sign-out",
  "/change-password",
  "/revoke-session",
  "/revoke-sessions",
  "/revoke-other-sessions",
  "/two-factor/enable",
  "/two-factor/disable",
  "/two-factor/get-totp-uri",
  "/two-factor/generate-backup-codes",
];
/** Changes of one's own account, as the audit tells them. */
const OWN_CHANGES: Record<string, string> = {
  "/change-password": "changed the password",
  "/two-factor/enable": "began to set up a second factor",
  "/two-factor/disable": "gave the second factor up",
  "/two-factor/generate-backup-codes": "made new backup codes",
};
const MAX_NAME_LENGTH = 60;

export interface AuthRoutesOptions {
  live: () => Live | null;
  credentials: Credentials;
  report: (report: Report) => void;
  /** Called after each change that may end a sign-in. */
  onChange: () => void;
}

export function authRoutes(
  app: FastifyInstance,
  options: AuthRoutesOptions,
  done: () => void,
): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, parsed) => {
    parsed(null, body);
  });
  const routes = [
    ...READING.map((path) => ({ method: "GET" as const, path })),
    ...CHANGING.map((path) => ({ method: "POST" as const, path })),
  ];
  for (const { method, path } of routes) {
    app.route({
      method,
      url: `${PREFIX}${path}`,
      handler: (request, reply) => handle(options, path, request, reply),
    });
  }
  done();
}

async function handle(
  options: AuthRoutesOptions,
  path: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (!isSameOrigin(request.headers)) {
    return reply.code(403).send({ code: "INVALID_ORIGIN", message: "asked from another site" });
  }
  const live = options.live();
  if (!live) {
    return reply.code(503).send({ code: "UNAVAILABLE", message: "the database is away" });
  }
  // Asked before, because the change may end the session.
  const user = path in OWN_CHANGES ? await options.credentials.verify(request.headers) : null;
  const response = await live.auth.handler(toRequest(request));
  const text = await response.text();
  audit(options, path, request, response.status, text, user?.name ?? null);
  if (CHANGING.includes(path) && path !== SIGN_IN && response.ok) options.onChange();
  reply.code(response.status).header("cache-control", "no-store");
  for (const [name, value] of response.headers) {
    if (name !== "set-cookie") reply.header(name, value);
  }
  for (const cookie of response.headers.getSetCookie()) reply.header("set-cookie", cookie);
  return reply.send(text);
}

function toRequest(request: FastifyRequest): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === "string") headers.set(name, value);
  }
  headers.set(ADDRESS_HEADER, request.ip);
  const url = `${request.protocol}://${request.host}${request.url}`;
  const { method, body } = request;
  return new Request(url, { method, headers, ...(typeof body === "string" ? { body } : {}) });
}

function audit(
  { report }: AuthRoutesOptions,
  path: string,
  request: FastifyRequest,
  status: number,
  text: string,
  userName: string | null,
): void {
  const from = request.ip;
  const isSignIn = path === SIGN_IN || SECOND_FACTOR.includes(path);
  if (isSignIn) {
    const name = nameIn(text) ?? (path === SIGN_IN ? nameIn(request.body) : null) ?? "somebody";
    const actor = { who: name, from };
    if (status === 200 && !text.includes('"twoFactorRedirect":true')) {
      const message = `${name} signed in`;
      report({ kind: "sign-in", severity: "info", subject: name, message, actor });
    } else if (status === 401 || status === 422) {
      const message = `a sign-in as ${name} failed`;
      report({ kind: "sign-in-failed", severity: "warning", subject: name, message, actor });
    }
  }
  const change = OWN_CHANGES[path];
  if (change !== undefined && status === 200) {
    const name = userName ?? "somebody";
    const message = `${name} ${change}`;
    const actor = { who: name, from };
    report({ kind: "user-changed", severity: "info", subject: name, message, actor });
  }
}

/** The user's name in a request to sign in, or in the answer to it. */
function nameIn(body: unknown): string | null {
  if (typeof body !== "string") return null;
  try {
    const { username, user } = JSON.parse(body) as {
      username?: unknown;
      user?: { name?: unknown };
    };
    const name = user?.name ?? username;
    return typeof name === "string" ? name.slice(0, MAX_NAME_LENGTH) : null;
  } catch {
    return null;
  }
}
