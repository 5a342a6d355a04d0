/** A backend over a fake data path and a real PostgreSQL, in a folder of its own, and a browser's part against it. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApiClient, connect } from "@lockstep/api/client";
import { FakeDataPath } from "@lockstep/api/testing";
import { ServeOptions } from "@lockstep/model";
import { pino } from "pino";
import { expect, vi } from "vitest";
import { type Backend, startBackend } from "../backend.ts";

const PASSWORD = "correct horse battery";

export interface TestBackend {
  dataFolder: string;
  consoleFolder: string;
  dataPath: FakeDataPath;
  backend: Backend;
  told: string[];
  /** Signs in and returns the cookie. */
  signIn(username?: string, password?: string): Promise<string>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** A client with a token of `admin`, made once; also the means to make other tokens. */
  admin(): Promise<ApiClient>;
  untilReady(): Promise<void>;
  stop(): Promise<void>;
}

export async function startTestBackend(
  adminPassword: string | null = PASSWORD,
): Promise<TestBackend> {
  const base = mkdtempSync(join(tmpdir(), "lockstep-backend-"));
  chmodSync(base, 0o755);
  const dataFolder = join(base, "data");
  const consoleFolder = join(base, "console");
  mkdirSync(consoleFolder);
  const dataPath = new FakeDataPath(dataFolder);
  await dataPath.start();
  const told: string[] = [];
  const backend = await startBackend({
    serve: ServeOptions.parse({ data: dataFolder, name: "alpha", api: "127.0.0.1:0" }),
    log: pino({ level: "silent" }),
    adminPassword,
    tell: (line) => told.push(line),
    consoleFolder,
  });
  const { url } = backend;
  let client: ApiClient | null = null;

  async function signIn(username = "admin", password = PASSWORD): Promise<string> {
    const response = await fetch(`${url}/api/auth/sign-in/username`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username, password }),
    });
    expect(response.status).toBe(200);
    return (response.headers.getSetCookie()[0] ?? "").split(";")[0] ?? "";
  }

  return {
    dataFolder,
    consoleFolder,
    dataPath,
    backend,
    told,
    signIn,
    fetch: (path, init) => fetch(`${url}${path}`, init),
    async admin() {
      if (client) return client;
      const cookie = await signIn();
      const response = await fetch(`${url}/trpc/token.create`, {
        method: "POST",
        headers: { "content-type": "application/json", cookie },
        body: JSON.stringify({ name: "tests" }),
      });
      const { result } = (await response.json()) as { result: { data: { token: string } } };
      client = connect(url, result.data.token);
      return client;
    },
    untilReady: () =>
      vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), {
        timeout: 20_000,
        interval: 25,
      }),
    async stop() {
      await client?.close();
      await backend.stop();
      await dataPath.stop();
      rmSync(base, { recursive: true });
    },
  };
}
