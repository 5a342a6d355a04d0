import { randomBytes } from "node:crypto";
import { request } from "node:http";
import type { Duplex } from "node:stream";
import { appRouter } from "@lockstep/api";
import { connect } from "@lockstep/api/client";
import { sampleLun } from "@lockstep/api/testing";
import { Failure } from "@lockstep/model";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startTestBackend, type TestBackend } from "./testing/test-backend.ts";

let test: TestBackend;

vi.setConfig({ hookTimeout: 40_000 });
beforeAll(async () => {
  test = await startTestBackend();
  await test.untilReady();
});
afterAll(() => test.stop());

interface Upgrade {
  status: number;
  /** Null when the server refused. */
  socket: Duplex | null;
}

function upgrade(headers: Record<string, string>): Promise<Upgrade> {
  return new Promise((resolve, reject) => {
    const asked = request(`${test.backend.url}/trpc`, {
      agent: false,
      headers: {
        connection: "upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": randomBytes(16).toString("base64"),
        ...headers,
      },
    });
    asked.once("upgrade", ({ statusCode }, socket) => {
      resolve({ status: statusCode ?? 0, socket });
    });
    asked.once("response", (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, socket: null });
    });
    asked.once("error", reject);
    asked.end();
  });
}

async function upgradeStatus(headers: Record<string, string>): Promise<number> {
  const { status, socket } = await upgrade(headers);
  socket?.destroy();
  return status;
}

describe("without credentials", () => {
  const procedures = Object.entries(appRouter._def.procedures).map(([path, procedure]) => ({
    path,
    method: (procedure as { _def: { type: string } })._def.type === "query" ? "GET" : "POST",
  }));

  it.each(procedures)("$path answers 401", async ({ path, method }) => {
    for (const headers of [{}, { authorization: "Bearer lst_wrong" }, { cookie: "x=y" }]) {
      const body = method === "POST" ? { body: "{}" } : {};
      const response = await test.fetch(`/trpc/${path}`, {
        method,
        headers: { "content-type": "application/json", ...headers },
        ...body,
      });
      expect(response.status).toBe(401);
      expect(await response.text()).not.toContain("result");
    }
  });

  it("no WebSocket is opened, nor one from another site", async () => {
    const cookie = await test.signIn();
    expect(await upgradeStatus({})).toBe(401);
    expect(await upgradeStatus({ authorization: "Bearer lst_wrong" })).toBe(401);
    expect(await upgradeStatus({ cookie: `${cookie}x` })).toBe(401);
    expect(await upgradeStatus({ cookie, origin: "http://127.0.0.1:1" })).toBe(403);
    expect(await upgradeStatus({ cookie, origin: test.backend.url })).toBe(101);
  });

  it("subscriptions are not served over HTTP, where they would use a browser's connections up", async () => {
    const cookie = await test.signIn();
    const response = await test.fetch("/trpc/status.watch", { headers: { cookie } });
    expect(response.status).toBe(405);
  });

  it("only machines' paths and the console answer", async () => {
    expect((await test.fetch("/healthz")).status).toBe(200);
    expect((await test.fetch("/metrics")).status).toBe(200);
    const proxied = { headers: { "x-forwarded-for": "192.0.2.1" } };
    expect((await test.fetch("/metrics", proxied)).status).toBe(401);
  });
});

describe("sign-in", () => {
  it("is audited, also when it fails", async () => {
    const { trpc } = await test.admin();
    const response = await test.fetch("/api/auth/sign-in/username", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: "mallory", password: "guess" }),
    });
    expect(response.status).toBe(401);
    await vi.waitFor(async () => {
      const { events } = await trpc.event.list.query({ kinds: ["sign-in", "sign-in-failed"] });
      expect(events[0]).toMatchObject({
        kind: "sign-in-failed",
        subject: "mallory",
        actor: { who: "mallory", from: "127.0.0.1" },
      });
      expect(events.at(-1)).toMatchObject({ kind: "sign-in", actor: { who: "admin" } });
    });
  });

  it.each(["/api/auth/sign-up/email", "/api/auth/update-user", "/api/auth/is-username-available"])(
    "%s does not exist",
    async (path) => {
      const init = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
      expect((await test.fetch(path, init)).status).toBe(404);
    },
  );

  it("is refused from another site's page", async () => {
    const response = await test.fetch("/api/auth/sign-in/username", {
      method: "POST",
      headers: { "content-type": "application/json", origin: "http://evil.example" },
      body: JSON.stringify({ username: "admin", password: "x" }),
    });
    expect(response.status).toBe(403);
  });

  it("ends open WebSockets when it ends", async () => {
    const cookie = await test.signIn();
    const headers = { cookie, origin: test.backend.url };
    const { socket } = await upgrade(headers);
    const frames: Buffer[] = [];
    socket?.on("data", (chunk: Buffer) => frames.push(chunk));
    const out = await test.fetch("/api/auth/sign-out", { method: "POST", headers });
    expect(out.status).toBe(200);
    // A close frame with two bytes, the code 4401 (RFC 6455 section 5.5.1).
    await vi.waitFor(() => expect(Buffer.concat(frames).toString("hex")).toBe("88021131"));
    socket?.destroy();
    expect(await upgradeStatus(headers)).toBe(401);
  });
});

describe("the command line's client", () => {
  it("asks for commands by name, and its user is the actor", async () => {
    const { command, trpc } = await test.admin();
    const actors: string[] = [];
    test.dataPath.on("lun.create", ({ name, size }, actor) => {
      actors.push(`${actor.who} ${actor.from}`);
      return { ...sampleLun(name), sizeBytes: size };
    });
    const lun = await command("lun.create", { name: "demo", size: "1GiB" });
    expect(lun.sizeBytes).toBe(2 ** 30);
    await trpc.lun.create.mutate({ name: "demo", size: 512 });
    expect(actors).toEqual(["admin 127.0.0.1", "admin 127.0.0.1"]);
  });

  it("gets failures back as Failures, whoever found them", async () => {
    const { command, trpc } = await test.admin();
    test.dataPath.on("lun.show", () => {
      throw new Failure("not-found", "there is no LUN x", "see: lockstep lun list");
    });
    test.dataPath.on("lun.wait", () => {
      throw new Failure("timeout", "the LUN is queueing");
    });
    await expect(command("lun.show", { name: "x" })).rejects.toMatchObject({
      name: "Failure",
      code: "not-found",
      message: "there is no LUN x",
      hint: "see: lockstep lun list",
    });
    // A wait travels over the WebSocket.
    const wait = { name: "x", state: "mirrored", timeoutS: 1 } as const;
    await expect(command("lun.wait", wait)).rejects.toMatchObject({ code: "timeout" });
    await expect(command("lun.show", { name: "No Name" })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("name: use 1 to 40 lower-case letters"),
    });
    await expect(trpc.lun.show.query({ name: "x" })).rejects.toMatchObject({
      data: { httpStatus: 404, failure: { code: "not-found" } },
    });
  });

  it("says so when no server answers, or the token is wrong, over both ways", async () => {
    const nobody = connect("http://127.0.0.1:23199", "lst_x");
    const wait = { state: "up", timeoutS: 1 } as const;
    await expect(nobody.command("status", {})).rejects.toMatchObject({ code: "unreachable" });
    await expect(nobody.command("link.wait", wait)).rejects.toMatchObject({ code: "unreachable" });
    await nobody.close();
    const stranger = connect(test.backend.url, "lst_x");
    await expect(stranger.command("status", {})).rejects.toMatchObject({ code: "refused" });
    await expect(stranger.command("link.wait", wait)).rejects.toMatchObject({ code: "refused" });
    await stranger.close();
  });
});

describe("users and tokens", () => {
  it("a viewer may look, not change, and makes viewers' tokens only", async () => {
    const { trpc } = await test.admin();
    const password = "a viewer's password";
    const user = await trpc.user.create.mutate({ name: "vera", password, role: "viewer" });
    const cookie = await test.signIn("vera", password);
    const headers = { "content-type": "application/json", cookie };
    expect((await test.fetch("/trpc/status.get", { headers })).status).toBe(200);
    const { token } = await trpc.token.create.mutate({ name: "looking", role: "viewer", days: 1 });
    const viewer = connect(test.backend.url, token);
    expect(await viewer.command("lun.list", {})).toEqual([]);
    for (const refused of [
      () => viewer.command("lun.delete", { name: "demo" }),
      () => viewer.command("peer.invite", {}),
      () => viewer.trpc.lun.delete.mutate({ name: "demo" }),
      () => viewer.trpc.user.list.query(),
      () => viewer.trpc.token.create.mutate({ name: "more", role: "admin" }),
    ]) {
      await expect(refused()).rejects.toSatisfy(
        (error: Error & { data?: { failure?: unknown } }) => {
          const failure = error instanceof Failure ? error : error.data?.failure;
          return (failure as Failure).code === "refused";
        },
      );
    }
    await viewer.close();
    await trpc.user.delete.mutate({ id: user.id });
    expect((await test.fetch("/trpc/status.get", { headers })).status).toBe(401);
  });

  it("a revoked token is of no more use, and changes are audited", async () => {
    const { trpc } = await test.admin();
    const made = await trpc.token.create.mutate({ name: "short" });
    const short = connect(test.backend.url, made.token);
    expect((await short.trpc.me.query()).name).toBe("admin");
    await trpc.token.revoke.mutate({ id: made.id });
    await expect(short.trpc.me.query()).rejects.toMatchObject({ data: { code: "UNAUTHORIZED" } });
    await short.close();
    const listed = await trpc.token.list.query();
    expect(JSON.stringify(listed)).not.toContain(made.token);
    await vi.waitFor(async () => {
      const { events } = await trpc.event.list.query({ kinds: ["user-changed"], limit: 1 });
      expect(events[0]).toMatchObject({ message: 'the token "short" was revoked' });
    });
  });

  it("the last administrator stays, and names are given once", async () => {
    const { trpc } = await test.admin();
    const [admin] = await trpc.user.list.query();
    const id = admin?.id ?? "";
    await expect(trpc.user.delete.mutate({ id })).rejects.toThrow("last administrator");
    await expect(trpc.user.setRole.mutate({ id, role: "viewer" })).rejects.toThrow("last admin");
    const again = { name: "admin", password: "another password", role: "admin" } as const;
    await expect(trpc.user.create.mutate(again)).rejects.toMatchObject({
      data: { failure: { code: "exists" } },
    });
  });
});

describe("subscriptions", () => {
  it("tell the status at once and each change of it", async () => {
    const { trpc } = await test.admin();
    const states: string[] = [];
    const subscription = trpc.status.watch.subscribe(undefined, {
      onData: (view) => states.push(view.status?.link.state ?? "none"),
    });
    await vi.waitFor(() => expect(states).toEqual(["unpaired"]));
    const { status } = test.dataPath;
    test.dataPath.setStatus({ ...status, link: { ...status.link, state: "up" } });
    await vi.waitFor(() => expect(states).toEqual(["unpaired", "up"]));
    subscription.unsubscribe();
  });

  it("tell missed events first and then what comes, in order, each once", async () => {
    const { trpc } = await test.admin();
    const first = test.dataPath.event({ kind: "drill", message: "a" }).seq;
    for (const message of ["b", "c"]) test.dataPath.event({ kind: "drill", message });
    await vi.waitFor(() => expect(test.dataPath.taken.at(-1)).toBe(first + 2));
    const seen: number[] = [];
    const subscription = trpc.event.watch.subscribe(
      { after: first },
      { onData: ({ data }) => seen.push(data.seq) },
    );
    await vi.waitFor(() => expect(seen).toEqual([first + 1, first + 2]));
    test.dataPath.event({ kind: "drill", message: "d" });
    await vi.waitFor(() => expect(seen).toEqual([first + 1, first + 2, first + 3]));
    subscription.unsubscribe();
  });
});
