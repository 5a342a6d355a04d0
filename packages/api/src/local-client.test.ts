import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LocalPush, MAX_LINE_BYTES, SOCKET_NAME, SOCKET_PATH_NOTE } from "@lockstep/model";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectLocal, localActor, socketPath } from "./local-client.ts";
import { FakeDataPath } from "./testing/fake-data-path.ts";

let folder: string;
let dataPath: FakeDataPath;
const actor = localActor();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "lockstep-api-"));
  dataPath = new FakeDataPath(folder);
  await dataPath.start();
});
afterEach(async () => {
  await dataPath.stop();
  rmSync(folder, { recursive: true });
});

describe("local client", () => {
  it("answers a command, with who asked", async () => {
    dataPath.on("peer.invite", (_params, who) => ({ code: who.from, expiresAt: who.who }));
    const client = await connectLocal(folder);
    const invitation = await client.command("peer.invite", {}, actor);
    expect(invitation).toEqual({ code: "local socket", expiresAt: actor.who });
    client.close();
  });

  it("rejects with the Failure that the data path tells, hint included", async () => {
    const client = await connectLocal(folder);
    await expect(client.command("drill.stop", {}, actor)).rejects.toMatchObject({
      name: "Failure",
      code: "refused",
      hint: null,
    });
    client.close();
  });

  it("says that no server runs in a folder without one", async () => {
    await expect(connectLocal(join(folder, "none"))).rejects.toMatchObject({ code: "unreachable" });
  });

  it("finds a socket whose path was too long through its note", async () => {
    const other = mkdtempSync(join(tmpdir(), "lockstep-api-"));
    writeFileSync(join(other, SOCKET_PATH_NOTE), `${join(folder, SOCKET_NAME)}\n`);
    expect(await socketPath(other)).toBe(join(folder, SOCKET_NAME));
    const client = await connectLocal(other);
    expect((await client.command("status", {}, actor)).server.name).toBe("alpha");
    client.close();
    rmSync(other, { recursive: true });
  });

  it("rejects what waits when the data path goes away, and whatever is asked later", async () => {
    dataPath.on("doctor", () => new Promise<never>(() => {}));
    const client = await connectLocal(folder);
    const waiting = client.command("doctor", {}, actor);
    const rejected = expect(waiting).rejects.toMatchObject({ code: "unreachable" });
    await client.command("status", {}, actor);
    await dataPath.stop();
    await rejected;
    expect((await client.closed).code).toBe("unreachable");
    await expect(client.command("status", {}, actor)).rejects.toMatchObject({
      code: "unreachable",
    });
  });

  it("gives up an answer after its time, and takes the next", async () => {
    dataPath.on("doctor", () => new Promise<never>(() => {}));
    const client = await connectLocal(folder);
    await expect(client.command("doctor", {}, actor, { timeoutMs: 20 })).rejects.toMatchObject({
      code: "timeout",
    });
    expect((await client.command("status", {}, actor)).server.name).toBe("alpha");
    client.close();
  });

  it("delivers pushes in order: the spool first, then live", async () => {
    dataPath.event({ kind: "drill", message: "first" });
    const pushes: LocalPush[] = [];
    const client = await connectLocal(folder, { onPush: (push) => pushes.push(push) });
    await client.tell("subscribe", { status: { intervalMs: 250 }, eventsAfter: 0 }, actor);
    dataPath.event({ kind: "drill", message: "second ü" });
    await client.command("status", {}, actor);
    expect(pushes.map((push) => push.push)).toEqual(["status", "event", "event"]);
    expect(pushes[2]).toMatchObject({ data: { seq: 2, message: "second ü" } });
    client.close();
  });

  it.each([
    ["no JSON", "hello\n"],
    ["no answer", "[1]\n"],
    ["too long a line", "x".repeat(MAX_LINE_BYTES + 1)],
  ])("closes the connection on %s", async (_name, line) => {
    const client = await connectLocal(folder);
    await client.command("status", {}, actor);
    dataPath.sendRaw(line);
    expect((await client.closed).code).toBe("unreachable");
  });
});
