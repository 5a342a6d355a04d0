/** The HTTP server: API, sign-in, figures and console on one port. */
import websocket from "@fastify/websocket";
import type { Accounts, Appliance, History } from "@lockstep/api";
import fastify, { type FastifyBaseLogger, LogController } from "fastify";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Credentials, Live } from "../credentials.ts";
import type { Report } from "../data-path-link.ts";
import { authRoutes } from "./auth-routes.ts";
import { consoleRoutes } from "./console-routes.ts";
import { healthRoutes } from "./health-routes.ts";
import { contentSecurityPolicy, SECURITY_HEADERS } from "./security-headers.ts";
import { type OpenSockets, trpcRoutes } from "./trpc-routes.ts";

const MAX_BODY_BYTES = 2 ** 20;
/** Batched calls are named in the path. */
const MAX_PATH_PART_LENGTH = 4_000;
const REQUEST_TIMEOUT_MS = 30_000;

export interface ServerOptions {
  log: Logger;
  appliance: Appliance;
  history: History;
  accounts: Accounts;
  credentials: Credentials;
  sockets: OpenSockets;
  metrics: Registry;
  live: () => Live | null;
  report: (report: Report) => void;
  onAccountChange: () => void;
  consoleFolder: string;
}

export async function createServer(options: ServerOptions) {
  const app = fastify({
    loggerInstance: options.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: MAX_PATH_PART_LENGTH },
  });
  const noPage = contentSecurityPolicy();
  app.addHook("onRequest", async (_request, reply) => {
    reply.headers(SECURITY_HEADERS).header("content-security-policy", noPage);
  });
  await app.register(websocket, { options: { maxPayload: MAX_BODY_BYTES } });
  healthRoutes(app, {
    credentials: options.credentials,
    metrics: options.metrics,
    isDataPathConnected: () => options.appliance.view().dataPath === "connected",
    isDatabaseConnected: () => options.live() !== null,
  });
  await app.register(authRoutes, {
    live: options.live,
    credentials: options.credentials,
    report: options.report,
    onChange: options.onAccountChange,
  });
  await app.register(trpcRoutes, {
    credentials: options.credentials,
    sockets: options.sockets,
    appliance: options.appliance,
    history: options.history,
    accounts: options.accounts,
  });
  await app.register(consoleRoutes, { folder: options.consoleFolder });
  return app;
}
