import { mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { connect } from "@lockstep/api/client";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startTestBackend, type TestBackend } from "./testing/test-backend.ts";

const soon = { timeout: 20_000, interval: 20 };
let test: TestBackend;
let password: string;

vi.setConfig({ hookTimeout: 40_000 });
beforeAll(async () => {
  test = await startTestBackend(null);
  await test.untilReady();
});
afterAll(() => test.stop());

describe("the first administrator", () => {
  it("has a password that was made up, told once and kept for those who may read the folder", async () => {
    const path = join(test.dataFolder, "admin-password");
    password = readFileSync(path, "utf8").trim();
    expect(password.length).toBeGreaterThanOrEqual(20);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(test.told).toEqual([`sign in as admin with ${password} (kept in ${path})`]);
    await test.signIn("admin", password);
  });
});

describe("[C2] with the database away", () => {
  it("commands, live state and those who are signed in go on, and events come later, once", async () => {
    const cookie = await test.signIn("admin", password);
    const headers = { "content-type": "application/json", cookie };
    const made = await test.fetch("/trpc/token.create", {
      method: "POST",
      headers,
      body: '{"name":"t"}',
    });
    const { result } = (await made.json()) as { result: { data: { token: string } } };
    const client = connect(test.backend.url, result.data.token);
    await client.command("status", {});
    await test.fetch("/trpc/me", { headers });
    const before = test.dataPath.event({ kind: "drill", message: "before" });
    await vi.waitFor(() => expect(test.dataPath.taken.at(-1)).toBe(before.seq), soon);

    const pid = test.backend.databasePid() ?? 0;
    expect(pid).toBeGreaterThan(0);
    const data = join(test.dataFolder, "postgres", "data");
    // Otherwise it would be started again sooner than all this can be looked at.
    renameSync(data, `${data}.kept`);
    mkdirSync(data);
    process.kill(pid, "SIGKILL");
    test.dataPath.event({ kind: "drill", message: "during" });
    await vi.waitFor(
      () => expect(test.dataPath.hellos.at(-1)).toMatchObject({ database: "away" }),
      soon,
    );
    expect(test.dataPath.hellos.at(-1)?.databasePid).toBeNull();
    expect((await client.command("status", {})).server.name).toBe("alpha");
    expect((await test.fetch("/trpc/me", { headers })).status).toBe(200);
    const { events, source } = await client.trpc.event.list.query({ kinds: ["drill"] });
    expect(source).toBe("data path");
    expect(events[0]?.message).toBe("during");
    const stranger = await test.fetch("/trpc/me", { headers: { authorization: "Bearer lst_x" } });
    expect(stranger.status).toBe(503);
    const signIn = await test.fetch("/api/auth/sign-in/username", { method: "POST", headers });
    expect(signIn.status).toBe(503);
    expect((await test.fetch("/readyz")).status).toBe(503);
    expect((await test.fetch("/healthz")).status).toBe(200);

    rmSync(data, { recursive: true });
    renameSync(`${data}.kept`, data);
    await test.untilReady();
    const after = test.dataPath.event({ kind: "drill", message: "after" });
    await vi.waitFor(
      () => expect(test.dataPath.taken.at(-1)).toBeGreaterThanOrEqual(after.seq),
      soon,
    );
    const page = await client.trpc.event.list.query({});
    expect(page.source).toBe("database");
    const kinds = page.events.map(({ kind, message }) => (kind === "drill" ? message : kind));
    expect(kinds.filter((kind) => !["sign-in", "user-changed"].includes(kind)).reverse()).toEqual([
      "before",
      "during",
      "database-away",
      "database-back",
      "after",
    ]);
    await client.close();
  }, 40_000);

  it("an embedded database that was killed is started again", async () => {
    const pid = test.backend.databasePid() ?? 0;
    process.kill(pid, "SIGKILL");
    await vi.waitFor(() => {
      const now = test.dataPath.hellos.at(-1);
      expect(now?.database).toBe("connected");
      expect(now?.databasePid).not.toBe(pid);
    }, soon);
    await test.signIn("admin", password);
  });
});

describe("with the data path away", () => {
  it("the API says so, keeps the last status, and finds it again", async () => {
    const cookie = await test.signIn("admin", password);
    const view = async () => {
      const response = await test.fetch("/trpc/status.get", { headers: { cookie } });
      const { result } = (await response.json()) as { result: { data: Record<string, unknown> } };
      return result.data;
    };
    expect(await view()).toMatchObject({ dataPath: "connected" });
    await test.dataPath.stop();
    await vi.waitFor(async () => {
      expect(await view()).toMatchObject({
        dataPath: "away",
        status: { server: { name: "alpha" } },
      });
    }, soon);
    const response = await test.fetch("/trpc/lun.list", { headers: { cookie } });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      error: { data: { failure: { code: "unreachable" } } },
    });
    // An audit event waits for it.
    await test.signIn("admin", password);
    const hellos = test.dataPath.hellos.length;
    await test.dataPath.start();
    const last = test.dataPath.event({ kind: "server-started" });
    await vi.waitFor(
      async () => expect(await view()).toMatchObject({ dataPath: "connected" }),
      soon,
    );
    expect(test.dataPath.hellos.length).toBeGreaterThan(hellos);
    await vi.waitFor(() => expect(test.dataPath.taken.at(-1)).toBe(last.seq + 1), soon);
  });
});
