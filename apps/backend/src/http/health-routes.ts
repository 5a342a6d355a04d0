/**
 * For machines: `/healthz` says that this process lives, `/readyz` that the data path and the database are there too,
 * `/metrics` tells figures. Figures are open to this machine only; others need a token. Behind a proxy on this machine
 * everybody seems to be here, so a request that a proxy passed on counts as foreign.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Registry } from "prom-client";
import type { Credentials } from "../credentials.ts";

export interface HealthRoutesOptions {
  credentials: Credentials;
  metrics: Registry;
  isDataPathConnected: () => boolean;
  isDatabaseConnected: () => boolean;
}

export function healthRoutes(app: FastifyInstance, options: HealthRoutesOptions): void {
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    const dataPath = options.isDataPathConnected() ? "connected" : "away";
    const database = options.isDatabaseConnected() ? "connected" : "away";
    const isReady = dataPath === "connected" && database === "connected";
    return reply.code(isReady ? 200 : 503).send({ dataPath, database });
  });
  app.get("/metrics", async (request, reply) => {
    if (!isLocal(request) && !(await options.credentials.verify(request.headers))) {
      return reply.code(401).send({ message: "figures need a token from elsewhere" });
    }
    return reply.type(options.metrics.contentType).send(await options.metrics.metrics());
  });
}

function isLocal({ ip, headers }: FastifyRequest): boolean {
  if (headers["x-forwarded-for"] !== undefined || headers.forwarded !== undefined) return false;
  return /^(::ffff:)?127\.|^::1$/.test(ip);
}
