import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import {
  commands,
  Failure,
  type LocalMessage,
  type LocalPush,
  MAX_LINE_BYTES,
  SOCKET_PATH_NOTE,
  type Status,
} from "@lockstep/model";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EventLog } from "./event-log.ts";
import type { Hello } from "./local-session.ts";
import { type CommandHandlers, LocalSocket, type LocalSocketOptions } from "./local-socket.ts";
import { OutageLog } from "./outage-log.ts";

const ACTOR = { who: "uid 0", from: "local socket" };

type PushData = { [P in LocalPush as P["push"]]: P["data"] };

/** A client that keeps all it is told. */
class Client {
  readonly socket: net.Socket;
  readonly messages: LocalMessage[] = [];
  closed = false;
  #text = "";
  #id = 0;

  constructor(socketPath: string) {
    this.socket = net.connect(socketPath);
    this.socket.setEncoding("utf8");
    this.socket.on("data", (chunk: string) => {
      const lines = (this.#text + chunk).split("\n");
      this.#text = lines.pop() ?? "";
      for (const line of lines) this.messages.push(JSON.parse(line));
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
    });
  }

  ask(method: string, params: unknown = {}): number {
    const id = ++this.#id;
    this.socket.write(`${JSON.stringify({ id, method, params, actor: ACTOR })}\n`);
    return id;
  }

  async answer(id: number): Promise<LocalMessage> {
    const find = () => this.messages.find((message) => "id" in message && message.id === id);
    await expect.poll(find, { interval: 5 }).toBeDefined();
    return find() as LocalMessage;
  }

  call(method: string, params: unknown = {}): Promise<LocalMessage> {
    return this.answer(this.ask(method, params));
  }

  pushes<P extends keyof PushData>(push: P): PushData[P][] {
    const found: PushData[P][] = [];
    for (const message of this.messages) {
      if ("push" in message && message.push === push) found.push(message.data as PushData[P]);
    }
    return found;
  }
}

let folder: string;
let events: EventLog;
let outages: OutageLog;
let socket: LocalSocket;
const clients: Client[] = [];
const processes: string[] = [];
const bugs: unknown[] = [];
let snapshots = 0;

function handlers(own: Partial<CommandHandlers> = {}): CommandHandlers {
  const unused = () => {
    throw new Error("not asked for in this test");
  };
  const all = Object.fromEntries(Object.keys(commands).map((name) => [name, unused]));
  return { ...(all as unknown as CommandHandlers), ...own };
}

async function listen(options: Partial<LocalSocketOptions> = {}): Promise<void> {
  const said = (what: string) => (one: Hello) => processes.push(`${what} ${one.role} ${one.pid}`);
  socket = await LocalSocket.listen({
    dataFolder: folder,
    handlers: handlers({ "lun.delete": () => null }),
    snapshot: () => ({ number: ++snapshots }) as unknown as Status,
    events,
    outages,
    arrived: said("arrived"),
    gone: said("gone"),
    failed: (error) => bugs.push(error),
    ...options,
  });
}

function connect(): Client {
  const client = new Client(socket.path);
  clients.push(client);
  return client;
}

function report(message: string) {
  return { kind: "sign-in", severity: "info", subject: "someone", message } as const;
}

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "local-socket-"));
  events = new EventLog(path.join(folder, "events"));
  outages = new OutageLog(path.join(folder, "outages.jsonl"));
  processes.length = 0;
  bugs.length = 0;
  snapshots = 0;
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy();
  await socket.close();
  events.close();
  outages.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

describe("local socket", () => {
  it("is its owner's alone, and takes the place of a dead one's file", async () => {
    const dead = net.createServer().listen(path.join(folder, "dead"));
    fs.linkSync(path.join(folder, "dead"), path.join(folder, "lockstep.sock"));
    dead.close();
    await listen();
    expect(fs.statSync(socket.path).mode & 0o777).toBe(0o600);
    expect(await connect().call("lun.delete", { name: "demo" })).toEqual({ id: 1, result: null });
  });

  it("answers by id, in any order, with the parameters as the schema has them", async () => {
    let release = () => {};
    const held = new Promise<null>((resolve) => {
      release = () => resolve(null);
    });
    const seen: unknown[] = [];
    await listen({
      handlers: handlers({
        "lun.delete": () => held,
        "drill.stop": () => null as never,
        "lun.create": (params, actor) => {
          seen.push(params, actor);
          return null as never;
        },
      }),
    });
    const client = connect();
    const slow = client.ask("lun.delete", { name: "demo" });
    await client.call("drill.stop");
    await client.call("lun.create", { name: "demo", size: "1MiB" });
    expect(seen).toEqual([{ name: "demo", size: 2 ** 20, existing: "refuse" }, ACTOR]);
    release();
    expect(await client.answer(slow)).toEqual({ id: slow, result: null });
  });

  it("answers wrong parameters, unknown commands, refusals and bugs with one sentence each", async () => {
    await listen({
      handlers: handlers({
        "lun.list": () => {
          throw new Failure("refused", "not now", "wait");
        },
      }),
    });
    const client = connect();
    expect(await client.call("lun.delete", { name: "Demo" })).toMatchObject({
      error: { code: "usage", message: expect.stringContaining("lun.delete: name: use 1 to 40") },
    });
    expect(await client.call("toString")).toMatchObject({
      error: { code: "usage", message: 'there is no command "toString"' },
    });
    expect(await client.call("lun.list")).toMatchObject({
      error: { code: "refused", message: "not now", hint: "wait" },
    });
    expect(await client.call("doctor")).toMatchObject({ error: { code: "internal" } });
    expect(bugs).toEqual([new Error("not asked for in this test")]);
  });

  it("closes on what is no request, on a line too long, and serves the others", async () => {
    await listen();
    const other = connect();
    for (const text of ["GET / HTTP/1.1\r\n\r\n", '{"id":-1}\n', "x".repeat(MAX_LINE_BYTES + 1)]) {
      const client = connect();
      client.socket.write(text);
      await expect.poll(() => client.closed).toBe(true);
    }
    expect(await other.call("lun.delete", { name: "demo" })).toEqual({ id: 1, result: null });
  });

  it("[C4] shows a process from its hello until its connection closes", async () => {
    await listen();
    const [first, second] = [connect(), connect()];
    await first.call("hello", { role: "backend", pid: 10, database: "away" });
    await second.call("hello", { role: "backend", pid: 11 });
    await first.call("hello", { role: "supervisor", pid: 12 });
    expect(socket.process("backend")?.pid).toBe(11);
    expect(socket.process("supervisor")).toMatchObject({ pid: 12, restartNeeded: false });
    second.socket.destroy();
    await expect.poll(() => socket.process("backend")).toBeNull();
    expect(processes).toEqual([
      "arrived backend 10",
      "arrived backend 11",
      "arrived supervisor 12",
      "gone backend 11",
    ]);
  });

  it("pushes the status at once, then when it changed, once in an interval", async () => {
    await listen();
    const client = connect();
    await client.call("subscribe", { status: { intervalMs: 100 } });
    await expect.poll(() => client.pushes("status").length).toBe(1);
    const beganMs = performance.now();
    for (let i = 0; i < 20; i++) socket.changed();
    await expect.poll(() => client.pushes("status").length, { interval: 5 }).toBe(2);
    expect(performance.now() - beganMs).toBeGreaterThan(50);
    socket.changed();
    await expect.poll(() => client.pushes("status").length, { interval: 5 }).toBe(3);
    expect(snapshots).toBe(3);
    expect(performance.now() - beganMs).toBeGreaterThan(150);
  });

  it("[C3] pushes every event after the number asked for, without a gap, and takes reports", async () => {
    await listen();
    const client = connect();
    for (let i = 1; i <= 700; i++) events.append({ ...eventOf(i) });
    await client.call("subscribe", { eventsAfter: 5 });
    for (let i = 0; i < 50; i++) client.ask("event.report", report(`report ${i}`));
    await expect.poll(() => client.pushes("event").length, { timeout: 5_000 }).toBe(745);
    const pushed = client.pushes("event");
    expect(pushed.map((event) => event.seq)).toEqual(Array.from({ length: 745 }, (_, i) => i + 6));
    expect(pushed.at(-1)).toMatchObject({
      kind: "sign-in",
      message: "report 49",
      actor: ACTOR,
      before: null,
    });
    await client.call("events.taken", { seq: 700 });
  });

  it("[O7] pushes outages that changed", async () => {
    await listen();
    const client = connect();
    await client.call("subscribe", { outages: true });
    const at = new Date().toISOString();
    const id = outages.begin({
      lun: "demo",
      begunAt: at,
      detectedAt: at,
      cause: "drill",
      seenBy: "alpha",
    });
    outages.enter(id, "queueing", at);
    outages.heal(id, at);
    await expect.poll(() => client.pushes("outage").at(-1)?.healedAt).toBe(at);
    expect(client.pushes("status")).toEqual([]);
  });

  it("a client that does not read is dropped when its answers pile up, and costs the others nothing", async () => {
    const long = "z".repeat(2 * 2 ** 20);
    await listen({ handlers: handlers({ "lun.list": () => [long] as never }) });
    const deaf = connect();
    deaf.socket.pause();
    for (let i = 0; i < 30; i++) deaf.ask("lun.list");
    await expect.poll(() => deaf.socket.readableLength > 0 || deaf.closed).toBe(true);
    const other = connect();
    expect(await other.call("lun.list")).toEqual({ id: 1, result: [long] });
    deaf.socket.resume();
    await expect.poll(() => deaf.closed).toBe(true);
  });

  it("an answer longer than a line is a failure, not a broken connection", async () => {
    await listen({
      handlers: handlers({ "lun.list": () => ["z".repeat(MAX_LINE_BYTES)] as never }),
    });
    expect(await connect().call("lun.list")).toMatchObject({ error: { code: "internal" } });
  });

  it("moves to a private short folder where the path would be too long, and notes it", async () => {
    const short = folder;
    folder = path.join(short, "d".repeat(100));
    fs.mkdirSync(folder);
    await listen();
    const note = fs.readFileSync(path.join(folder, SOCKET_PATH_NOTE), "utf8").trim();
    expect(note).toBe(socket.path);
    expect(fs.statSync(path.dirname(note)).mode & 0o777).toBe(0o700);
    expect(await connect().call("lun.delete", { name: "demo" })).toEqual({ id: 1, result: null });
    await socket.close();
    expect(fs.existsSync(path.dirname(note))).toBe(false);
    folder = short;
    fs.writeFileSync(path.join(folder, SOCKET_PATH_NOTE), note);
    await listen();
    expect(fs.existsSync(path.join(folder, SOCKET_PATH_NOTE))).toBe(false);
  });
});

function eventOf(number: number) {
  return {
    kind: "link-state",
    severity: "info",
    actor: ACTOR,
    subject: "link",
    message: `event ${number}`,
    before: null,
    after: null,
  } as const;
}
