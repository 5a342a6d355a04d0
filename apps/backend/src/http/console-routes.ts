/**
 * The console: the files of Next's static export, looked up as they are asked for, so that a console that is built
 * later, or again, is served without a restart. A page `x` is the file `x.html`.
 */
import { readFile, stat } from "node:fs/promises";
import { join, normalize } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply } from "fastify";
import { contentSecurityPolicy } from "./security-headers.ts";

/** Files under this path bear a hash of their content in their names. */
const HASHED = "_next/static/";
const YEAR_MS = 365 * 24 * 3_600_000;
const NOT_BUILT = `<!doctype html><meta charset="utf-8"><title>Lockstep</title>
<p>The console is not built. Build it with <code>npm run build -w apps/web</code>; everything else works meanwhile.</p>
`;

interface Policy {
  changedMs: number;
  policy: string;
}

export function consoleRoutes(
  app: FastifyInstance,
  { folder }: { folder: string },
  done: () => void,
): void {
  void app.register(fastifyStatic, { root: folder, serve: false, logLevel: "error" });
  const policies = new Map<string, Policy>();

  async function policyOf(file: string): Promise<string> {
    const path = join(folder, file);
    const { mtimeMs } = await stat(path);
    const known = policies.get(file);
    if (known?.changedMs === mtimeMs) return known.policy;
    const policy = contentSecurityPolicy(await readFile(path, "utf8"));
    policies.set(file, { changedMs: mtimeMs, policy });
    return policy;
  }

  async function send(reply: FastifyReply, file: string): Promise<FastifyReply> {
    if (file.endsWith(".html")) reply.header("content-security-policy", await policyOf(file));
    const isHashed = file.startsWith(HASHED);
    return reply.sendFile(file, {
      maxAge: isHashed ? YEAR_MS : 0,
      immutable: isHashed,
      cacheControl: true,
    });
  }

  app.get("/*", async (request, reply) => {
    const path = filePath(request.url);
    const file = path === null ? null : await findFile(folder, path);
    if (file !== null) return send(reply, file);
    if (path === "" && !(await isFile(join(folder, "index.html")))) {
      return reply.code(503).type("text/html").send(NOT_BUILT);
    }
    reply.code(404);
    if (await isFile(join(folder, "404.html"))) return send(reply, "404.html");
    return reply.send({ message: "there is nothing here" });
  });
  done();
}

/** The path within the folder that `url` asks for, without slashes around it; null for one that leads out of it. */
function filePath(url: string): string | null {
  try {
    const path = normalize(decodeURIComponent(url.split("?")[0] ?? ""));
    if (path.includes("\0") || path.split("/").includes("..")) return null;
    return path.replace(/^\/+|\/+$/g, "");
  } catch {
    return null;
  }
}

async function findFile(folder: string, path: string): Promise<string | null> {
  const candidates = path === "" ? ["index.html"] : [path, `${path}.html`];
  for (const candidate of candidates) {
    if (await isFile(join(folder, candidate))) return candidate;
  }
  return null;
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
