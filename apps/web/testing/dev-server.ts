/**
 * A server for work on the console without an appliance: the exported pages, the API over a scripted scenario, and a
 * sign-in that takes admin and viewer with any password but "wrong". `/testing/…` steers the scenario. Never shipped.
 *
 *     node apps/web/testing/dev-server.ts [PORT]
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import websocket from "@fastify/websocket";
import {
  type Account,
  type Accounts,
  appRouter,
  type Context,
  type TokenInfo,
  type User,
} from "@lockstep/api";
import { fastifyTRPCPlugin } from "@trpc/server/adapters/fastify";
import fastify, { type FastifyRequest } from "fastify";
import { TestAppliance } from "./appliance.ts";

const port = Number(process.argv[2] ?? 23_200);
const out = fileURLToPath(new URL("../out/", import.meta.url));
const appliance = new TestAppliance(Date.now());
const since = new Date(Date.now() - 30 * 86_400_000).toISOString();
const users: Account[] = [
  { id: "1", name: "admin", role: "admin", createdAt: since },
  { id: "2", name: "viewer", role: "viewer", createdAt: since },
];
const tokens: TokenInfo[] = [
  {
    id: "1",
    name: "backup script",
    user: "admin",
    role: "viewer",
    prefix: "ls_4fQ2",
    createdAt: since,
    expiresAt: new Date(Date.now() + 60 * 86_400_000).toISOString(),
    lastUsedAt: new Date(Date.now() - 3_600_000).toISOString(),
  },
];

const accounts: Accounts = {
  listUsers: async () => users,
  createUser: async ({ name, role }) => {
    const user = { id: String(users.length + 1), name, role, createdAt: new Date().toISOString() };
    users.push(user);
    return user;
  },
  setPassword: async () => {},
  setRole: async ({ id, role }) => {
    const user = users.find((one) => one.id === id) ?? users[1];
    if (!user) throw new Error("no users");
    user.role = role;
    return user;
  },
  deleteUser: async (id) => {
    users.splice(
      users.findIndex((user) => user.id === id),
      1,
    );
  },
  listTokens: async () => tokens,
  createToken: async (user, { name, role, days }) => {
    const expiresAt = days === null ? null : new Date(Date.now() + days * 86_400_000).toISOString();
    const info = {
      id: String(tokens.length + 1),
      name,
      user: user.name,
      role,
      prefix: "ls_9aB1",
      createdAt: new Date().toISOString(),
      expiresAt,
      lastUsedAt: null,
    };
    tokens.push(info);
    return { ...info, token: "ls_9aB1c7Xk20vYw83mQpLr5tZs" };
  },
  revokeToken: async (_user, id) => {
    tokens.splice(
      tokens.findIndex((token) => token.id === id),
      1,
    );
  },
};

function userOf(request: FastifyRequest): User | null {
  const name = /session=(\w+)/.exec(request.headers.cookie ?? "")?.[1];
  return users.find((user) => user.name === name) ?? null;
}

const app = fastify();
await app.register(websocket);
await app.register(fastifyTRPCPlugin, {
  prefix: "/trpc",
  useWSS: true,
  trpcOptions: {
    router: appRouter,
    createContext: ({ req }: { req: FastifyRequest }): Context => {
      const user = userOf(req);
      return { user, address: req.ip, appliance, history: appliance, accounts };
    },
  },
});
app.post("/api/auth/sign-in/username", async (request, reply) => {
  const { username, password } = request.body as { username: string; password: string };
  if (password === "wrong" || !users.some((user) => user.name === username)) {
    return reply.code(401).send({ message: "Invalid username or password" });
  }
  return reply.header("set-cookie", `session=${username}; Path=/; HttpOnly; SameSite=Lax`).send({});
});
app.post("/api/auth/sign-out", async (_request, reply) =>
  reply.header("set-cookie", "session=; Path=/; Max-Age=0").send({}),
);
app.get("/api/auth/get-session", async (request) => ({ user: userOf(request) }));
app.post("/api/auth/change-password", async () => ({}));
app.post<{ Params: { part: "up" | "silent" | "interrupted" | "probation" | "replay" | "loop" } }>(
  "/testing/hold/:part",
  async ({ params: { part } }) => {
    appliance.scenario.held = part === "loop" ? null : part;
    return "";
  },
);
app.post<{ Params: { state: "connected" | "away" } }>(
  "/testing/data-path/:state",
  async (request) => {
    appliance.dataPath = request.params.state;
    appliance.changed();
    return "";
  },
);
app.post<{ Params: { state: "connected" | "away" } }>(
  "/testing/database/:state",
  async (request) => {
    appliance.scenario.status.database = request.params.state;
    return "";
  },
);
app.post("/testing/unpair", async () => {
  appliance.scenario.status.link.peer = null;
  return "";
});
await app.register(fastifyStatic, { root: out, wildcard: false, serve: false });
app.get("/*", async (request, reply) => {
  const path = request.url.split("?")[0]?.slice(1) || "index";
  const file = [path, `${path}.html`].find(
    (name) => name.includes(".") && existsSync(`${out}${name}`),
  );
  return file ? reply.sendFile(file) : reply.code(404).sendFile("404.html");
});

await app.listen({ port, host: "127.0.0.1" });
process.stdout.write(`http://127.0.0.1:${port}\n`);
process.once("SIGTERM", () => {
  appliance.stop();
  void app.close().then(() => process.exit(0));
});
