/**
 * The API over HTTP and WebSocket at `/trpc`. A WebSocket is let in only with credentials and from this server's own
 * pages, and is looked at again while it is open: it ends when its user signs out, is deleted or gets another role.
 */
import type { IncomingHttpHeaders } from "node:http";
import {
  type Accounts,
  type Appliance,
  appRouter,
  type Context,
  type History,
  toApiError,
  type User,
} from "@lockstep/api";
import { Failure } from "@lockstep/model";
import { type CreateFastifyContextOptions, fastifyTRPCPlugin } from "@trpc/server/adapters/fastify";
import { getWSConnectionHandler } from "@trpc/server/adapters/ws";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { WebSocket } from "ws";
import type { Credentials } from "../credentials.ts";
import { isSameOrigin } from "./same-origin.ts";

const PREFIX = "/trpc";
const LOOK_AGAIN_MS = 30_000;
const PING_MS = 30_000;
const PONG_WAIT_MS = 10_000;
/** A browser that reads so slowly that this much waits for it is let go. */
const MAX_UNSENT_BYTES = 8 * 2 ** 20;
/** WebSocket close code of the application's range: sign in again. */
const CLOSE_SIGNED_OUT = 4401;

export interface TrpcRoutesOptions {
  credentials: Credentials;
  sockets: OpenSockets;
  appliance: Appliance;
  history: History;
  accounts: Accounts;
}

/** Over HTTP they would use up the few connections that a browser makes to one server. */
const SUBSCRIPTIONS = subscriptionPaths();

interface OpenSocket {
  socket: WebSocket;
  headers: IncomingHttpHeaders;
  user: User;
}

/** The WebSockets that are open now. */
export class OpenSockets {
  readonly #open = new Set<OpenSocket>();
  readonly #credentials: Credentials;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  get count(): number {
    return this.#open.size;
  }

  add(entry: OpenSocket): void {
    if (entry.socket.readyState !== entry.socket.OPEN) return;
    this.#open.add(entry);
    entry.socket.once("close", () => this.#open.delete(entry));
  }

  /** Ends those whose user may not go on as before. */
  async lookAgain(): Promise<void> {
    for (const entry of this.#open) {
      if (entry.socket.bufferedAmount > MAX_UNSENT_BYTES) entry.socket.terminate();
      else if (!(await isStill(this.#credentials, entry))) entry.socket.close(CLOSE_SIGNED_OUT);
    }
  }
}

export function trpcRoutes(
  app: FastifyInstance,
  options: TrpcRoutesOptions,
  done: () => void,
): void {
  const { credentials, appliance, history, accounts, sockets } = options;
  const context = (user: User | null, address: string): Context => ({
    user,
    address,
    appliance,
    history,
    accounts,
  });

  app.addHook("onRequest", async (_request, reply) => {
    reply.header("cache-control", "no-store");
  });
  void app.register(fastifyTRPCPlugin, {
    prefix: PREFIX,
    trpcOptions: {
      router: appRouter,
      createContext: async ({ req }: CreateFastifyContextOptions) => {
        if (!isSameOrigin(req.headers)) {
          throw toApiError(new Failure("refused", "asked from another site"));
        }
        return context(await verify(credentials, req.headers), req.ip);
      },
      onError: logBugs(app),
    },
  });

  app.addHook("preValidation", async (request, reply) => {
    const refusal = await refuse(credentials, request);
    if (refusal !== null) return reply.code(refusal).send();
  });
  app.get(PREFIX, { websocket: true }, async (socket, request) => {
    const { headers, ip } = request;
    // What the browser sends meanwhile must find its listener: the handler below adds it at once.
    const user = credentials.verify(headers);
    const connect = getWSConnectionHandler({
      wss: app.websocketServer,
      router: appRouter,
      createContext: async () => context(await user, ip),
      onError: logBugs(app),
      keepAlive: { enabled: true, pingMs: PING_MS, pongWaitMs: PONG_WAIT_MS },
    });
    connect(socket, request.raw);
    const signedIn = await user;
    if (!signedIn) return socket.close(CLOSE_SIGNED_OUT);
    sockets.add({ socket, headers, user: signedIn });
  });

  const timer = setInterval(() => void sockets.lookAgain(), LOOK_AGAIN_MS).unref();
  app.addHook("onClose", async () => clearInterval(timer));
  done();
}

function subscriptionPaths(): ReadonlySet<string> {
  // Flat, by whole paths, whatever its type says.
  const procedures: Record<string, unknown> = appRouter._def.procedures;
  const paths = Object.entries(procedures).filter(
    ([, procedure]) => (procedure as { _def: { type: string } })._def.type === "subscription",
  );
  return new Set(paths.map(([path]) => path));
}

/** The status with which a request is refused before the API sees it; null for one that it may answer. */
async function refuse(credentials: Credentials, request: FastifyRequest): Promise<number | null> {
  const { path } = request.params as { path?: string };
  const isSubscription = path?.split(",").some((name) => SUBSCRIPTIONS.has(name)) === true;
  if (!request.ws && !isSubscription) return null;
  if (!isSameOrigin(request.headers)) return 403;
  try {
    if (!(await credentials.verify(request.headers))) return 401;
  } catch {
    return 503;
  }
  return request.ws ? null : 405;
}

async function verify(credentials: Credentials, headers: IncomingHttpHeaders) {
  try {
    return await credentials.verify(headers);
  } catch (error) {
    throw error instanceof Failure ? toApiError(error) : error;
  }
}

/** Whether nothing says otherwise: with the database away, a socket that is open stays open. */
async function isStill(credentials: Credentials, { headers, user }: OpenSocket): Promise<boolean> {
  try {
    const now = await credentials.verify(headers);
    return now?.id === user.id && now.role === user.role;
  } catch {
    return true;
  }
}

function logBugs(app: FastifyInstance) {
  return ({ error, path }: { error: Error & { code?: string }; path?: string | undefined }) => {
    if (error.code === "INTERNAL_SERVER_ERROR" && !(error.cause instanceof Failure)) {
      app.log.error({ err: error.cause ?? error, path }, "the API failed");
    }
  };
}
