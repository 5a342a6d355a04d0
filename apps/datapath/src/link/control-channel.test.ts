/** The control channel (SPEC L1-L4): each request its own answer, and an end for whoever breaks the rules. */
import { once } from "node:events";
import net from "node:net";
import { FrameKind } from "@lockstep/engine";
import { Failure } from "@lockstep/model";
import { afterEach, describe, expect, it, vi } from "vitest";
import { BETA, ControlEnd, client, hello, RawEnd } from "../testing/control-ends.ts";
import type { LunNotice } from "./control-messages.ts";
import { ControlServer } from "./control-server.ts";

const LUN: LunNotice = {
  uuid: "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9",
  state: "mirrored",
  reason: null,
  lagBytes: 0,
  lagMs: null,
  journalBytes: 0,
  journalRequests: 0,
  journalLimitBytes: 1,
};

const closing: { close(reason: string): void }[] = [];
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const one of closing.splice(0)) one.close("the test is over");
});

async function serve(handlers: Parameters<typeof ControlEnd.start>[0] = {}): Promise<ControlEnd> {
  const end = await ControlEnd.start(handlers);
  closing.push(end);
  return end;
}

async function connected(port: number, purpose: "control" | "pair" = "control") {
  const dialled = client(port, purpose);
  closing.push(dialled);
  await dialled.connect();
  return dialled;
}

async function raw(port: number, purpose: "control" | "pair" = "control"): Promise<RawEnd> {
  const end = RawEnd.dial(port, purpose);
  closing.push(end);
  await end.proven;
  return end;
}

/** A client whose peer answers what the test says. */
async function facing() {
  const server = net.createServer();
  closing.push({ close: () => server.close() });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const dialled = client((server.address() as net.AddressInfo).port);
  closing.push(dialled);
  const accepted = once(server, "connection");
  const connecting = dialled.connect();
  const [socket] = (await accepted) as [net.Socket];
  const peer = new RawEnd(socket, null);
  closing.push(peer);
  await connecting;
  return { dialled, peer };
}

describe("the control channel", () => {
  it("[L2] brings each request its own answer, in whatever order they come", async () => {
    const order: number[] = [];
    const waiting = new Map<number, () => void>();
    const end = await serve({
      ports: async ({ epoch }) => {
        await new Promise<void>((resolve) => waiting.set(epoch, resolve));
        return { ports: [epoch] };
      },
      hello: async ({ name }) => hello(`answer-to-${name}`),
    });
    const dialled = await connected(end.port);
    const asked = [1, 2, 3].map(async (epoch) => {
      const { ports } = await dialled.request("ports", { epoch });
      order.push(epoch);
      return ports;
    });
    const { name } = await dialled.request("hello", hello("alpha"));
    expect(name).toBe("answer-to-alpha");
    await expect.poll(() => waiting.size).toBe(3);
    for (const epoch of [2, 3, 1]) waiting.get(epoch)?.();
    expect(await Promise.all(asked)).toEqual([[1], [2], [3]]);
    expect(order).toEqual([2, 3, 1]);
  });

  it("[L4] carries a failure with its code and hint, and what is no failure as a bug", async () => {
    const failure = new Failure("exists", "there is one already", "take another name");
    const end = await serve({
      reshape: () => Promise.reject(failure),
      drill: () => Promise.reject(new TypeError("x is undefined")),
    });
    const dialled = await connected(end.port);
    const refused = await dialled.request("reshape", { outageNumber: 1 }).catch((e) => e);
    expect(refused).toBeInstanceOf(Failure);
    expect(refused).toMatchObject({ ...failure, message: failure.message });
    const bug = { code: "internal", message: "x is undefined", hint: null };
    await expect(dialled.request("drill", { seconds: 1 })).rejects.toMatchObject(bug);
    expect(dialled.closed).toBe(false);
  });

  it("[L4] refuses parameters that it can't read, and goes on", async () => {
    const end = await serve({ drill: async () => ({}) });
    const one = await raw(end.port);
    one.says({ id: 1, request: "drill", params: { seconds: -1 } });
    one.says({ id: 2, request: "drill", params: null });
    one.says({ id: 3, request: "drill", params: { seconds: 1 } });
    await one.heard(3);
    expect(one.messages).toContainEqual({ id: 3, result: {} });
    for (const id of [1, 2]) {
      const error = { code: "usage", message: 'the request "drill" could not be read', hint: null };
      expect(one.messages).toContainEqual({ id, error });
    }
  });

  it("takes notices of LUNs, and loses them where the channel is down", async () => {
    const end = await serve();
    const dialled = await connected(end.port);
    dialled.notify(LUN);
    await expect.poll(() => end.notices).toEqual([LUN]);
    dialled.close("enough");
    dialled.notify(LUN);
    const failure = { code: "unreachable", message: "the peer is not connected" };
    await expect(dialled.request("unpair", {})).rejects.toMatchObject(failure);
  });

  const wrong: [string, unknown, FrameKind?][] = [
    ["an unknown request", { id: 1, request: "format", params: {} }],
    ["a request of every object", { id: 1, request: "constructor", params: {} }],
    ["a request of every object's parent", { id: 1, request: "__proto__", params: {} }],
    ["a request to pair", { id: 1, request: "pair", params: {} }],
    ["a request without parameters", { id: 1, request: "drill" }],
    ["a request with a wrong id", { id: -1, request: "drill", params: { seconds: 1 } }],
    ["an answer", { id: 1, result: {} }],
    ["an unknown notice", { notice: "host", lun: LUN }],
    ["a damaged notice", { notice: "lun", lun: { ...LUN, uuid: "x" } }],
    ["what is no message", ["drill"]],
    [
      "a frame of another kind",
      { id: 1, request: "drill", params: { seconds: 1 } },
      FrameKind.query,
    ],
  ];
  for (const [what, message, kind = FrameKind.control] of wrong) {
    it(`[L4] ends at ${what}`, async () => {
      const drilled: number[] = [];
      const end = await serve({
        drill: async ({ seconds }) => {
          drilled.push(seconds);
          return {};
        },
      });
      const one = await raw(end.port);
      one.says(message, kind);
      expect(await one.closed).toMatchObject({ stranger: false });
      expect(one.messages).toEqual([]);
      expect(drilled).toEqual([]);
      expect(end.notices).toEqual([]);
      expect(end.strangers).toEqual([]);
    });
  }

  it("[L3] lets one who holds an invitation pair, and nothing else", async () => {
    const end = await serve();
    for (const message of [
      { id: 1, request: "hello", params: hello("alpha") },
      { id: 1, request: "unpair", params: {} },
      { notice: "lun", lun: LUN },
    ]) {
      const one = await raw(end.port, "pair");
      one.says(message);
      await one.closed;
      expect(one.messages).toEqual([]);
    }
    const one = await raw(end.port, "pair");
    one.says({ id: 1, request: "pair", params: {} });
    await one.heard(1);
    expect(end.notices).toEqual([]);
  });

  it("[L3] turns away a stranger, and a worker's connection", async () => {
    const end = await serve();
    const other = RawEnd.dial(end.port, "control", BETA);
    expect((await other.closed).stranger).toBe(true);
    const worker = RawEnd.dial(end.port, "stream");
    expect((await worker.closed).stranger).toBe(true);
    expect(end.strangers).toEqual(["nobody known here", "nobody known here"]);
  });

  it("[L3] holds no more than sixteen strangers, and calls nobody so whom it hangs up on", async () => {
    const end = await serve();
    const knock = async () => {
      const socket = net.connect(end.port, "127.0.0.1");
      closing.push({ close: () => socket.destroy() });
      socket.on("error", () => undefined);
      // Either the challenge, or the end.
      await Promise.race([once(socket, "data"), once(socket, "close")]);
      return socket;
    };
    const sockets = await Promise.all(Array.from({ length: 16 }, knock));
    expect(end.strangers).toEqual([]);
    await knock();
    expect(end.strangers).toEqual(["too many connections have not proven themselves"]);
    sockets[0]?.destroy();
    await expect.poll(() => end.strangers.length).toBe(2);
    const dialled = await connected(end.port);
    const closes = sockets.slice(1).map((socket) => once(socket, "close"));
    end.server.hangUp("the pairing was removed");
    await Promise.all(closes);
    expect(end.strangers).toHaveLength(2);
    await expect.poll(() => dialled.closed).toBe(true);
    // Room for all again, and strangers are told of as before.
    (await knock()).destroy();
    await expect.poll(() => end.strangers.length).toBe(3);
  });

  it("[L3] counts nobody as a stranger who has proven itself", async () => {
    const end = await serve({ unpair: async () => ({}) });
    const all = [];
    for (let i = 0; i < 20; i++) all.push(await connected(end.port));
    for (const dialled of all) expect(await dialled.request("unpair", {})).toEqual({});
  });

  it("outlives connections that could not be accepted, and says where its address is in use", async () => {
    const created = vi.spyOn(net, "createServer");
    const end = await serve();
    const server = created.mock.results[0]?.value as net.Server;
    for (let i = 0; i < 3; i++) server.emit("error", new Error("accept EMFILE"));
    await connected(end.port);
    const second = new ControlServer({
      address: { host: "127.0.0.1", port: end.port },
      self: BETA,
      admit: () => null,
      handlers: {} as never,
      notice: () => undefined,
      stranger: () => undefined,
    });
    const message = `the mirror address 127.0.0.1:${end.port} is in use`;
    await expect(second.listen()).rejects.toMatchObject({ code: "unavailable", message });
  });
});

describe("the control channel's dialling side", () => {
  it("fails a request that is not answered in time, and ends", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { dialled, peer } = await facing();
    const slow = dialled.request("drill", { seconds: 1 }).catch((error: Failure) => error);
    const other = dialled.request("unpair", {}).catch((error: Failure) => error);
    await peer.heard(2);
    peer.says({ id: 7, result: {} });
    vi.advanceTimersByTime(9_999);
    expect(dialled.closed).toBe(false);
    vi.advanceTimersByTime(1);
    const message = 'the peer did not answer "drill" in time';
    expect(await slow).toMatchObject({ code: "timeout", message });
    expect(await other).toMatchObject({ code: "unreachable" });
    expect(dialled.closed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    await peer.closed;
  });

  it("takes no time of a request that was answered", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { dialled, peer } = await facing();
    const answered = dialled.request("unpair", {});
    await peer.heard(1);
    peer.says({ id: (peer.messages[0] as { id: number }).id, result: {} });
    await answered;
    expect(vi.getTimerCount()).toBe(0);
  });

  it("fails what waits when the peer hangs up, and when it hangs up itself", async () => {
    const theirs = await facing();
    const lost = theirs.dialled.request("unpair", {}).catch((error: Failure) => error);
    await theirs.peer.heard(1);
    theirs.peer.close();
    expect(await lost).toMatchObject({ code: "unreachable", message: "the other side closed it" });
    const ours = await facing();
    const given = ours.dialled.request("unpair", {}).catch((error: Failure) => error);
    ours.dialled.close("the data path stops");
    expect(await given).toMatchObject({ code: "unreachable", message: "the data path stops" });
    await ours.peer.closed;
  });

  it("[L4] takes no answer that is not of the request's form", async () => {
    const { dialled, peer } = await facing();
    const ask = async (answer: (id: number) => unknown) => {
      const asked = dialled.request("ports", { epoch: 1 }).catch((error: Failure) => error);
      await peer.heard(peer.messages.length + 1);
      peer.says(answer((peer.messages.at(-1) as { id: number }).id));
      return asked;
    };
    for (const result of [null, {}, { ports: [0] }, { ports: [65_536] }, { ports: ["1"] }]) {
      const failure = await ask((id) => ({ id, result }));
      const message = 'the peer\'s answer to "ports" is wrong';
      expect(failure, JSON.stringify(result)).toMatchObject({ code: "internal", message });
    }
    const error = { code: "on-fire", message: "of another version", hint: null };
    const odd = { code: "internal", message: "of another version" };
    expect(await ask((id) => ({ id, error }))).toMatchObject(odd);
    expect(await ask((id) => ({ id, result: { ports: [24_400] } }))).toEqual({ ports: [24_400] });
    const ended = dialled.request("ports", { epoch: 1 }).catch((failure: Failure) => failure);
    peer.says({ notice: "lun", lun: LUN });
    expect(await ended).toMatchObject({ code: "unreachable", message: "a frame was not expected" });
  });

  it("says who could not be reached", async () => {
    const end = await serve();
    end.close();
    const failure = await client(end.port)
      .connect()
      .catch((error: Failure) => error);
    expect(failure).toMatchObject({ code: "unreachable" });
    expect((failure as Failure).message).toMatch(
      /^the peer at 127\.0\.0\.1:\d+ could not be reached: .*ECONNREFUSED/,
    );
  });
});
