/** How connections are made, and made again (SPEC L1, L2, L5), against a peer's control server. */
import net from "node:net";
import { ConnectionArray } from "@lockstep/engine/io";
import { DEFAULT_LINK_SETTINGS, Failure } from "@lockstep/model";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { PeerRecord } from "../records.ts";
import { ALPHA, BETA, ControlEnd, hello, SECRET } from "../testing/control-ends.ts";
import type { WorkerNote } from "../threads/messages.ts";
import type { Workers } from "../threads/workers.ts";
import { Connector } from "./connector.ts";
import type { LunOffer } from "./control-messages.ts";
import type { ControlHandlers } from "./control-server.ts";

const OFFER: LunOffer = {
  uuid: "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9",
  name: "one",
  number: 0,
  sizeBytes: 512,
  mode: "sync",
  designated: true,
  writeCache: true,
};
const OTHER: LunOffer = { ...OFFER, uuid: OFFER.uuid.replace("0", "1"), name: "two", number: 1 };

const closing: (() => void)[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0)) close();
});

/** A willing peer, unless a test's handlers say otherwise. */
async function peer(handlers: Partial<ControlHandlers> = {}): Promise<ControlEnd> {
  const end = await ControlEnd.start({
    hello: async () => hello("beta"),
    "lun.offer": async () => ({}),
    "lun.census": async () => ({}),
    ports: async () => ({ ports: [24_401, 24_402] }),
    ...handlers,
  });
  closing.push(() => end.close());
  return end;
}

function record({ port }: ControlEnd): PeerRecord {
  const secret = SECRET.toString("hex");
  return {
    uuid: BETA,
    name: "beta",
    host: "127.0.0.1",
    mirrorPort: port,
    heartbeatPort: 1,
    secret,
  };
}

/** Alpha's connector, and all that it was told or told others. */
class Side {
  readonly array = ConnectionArray.create(1n, DEFAULT_LINK_SETTINGS, 1);
  readonly dials: string[] = [];
  readonly troubles: string[] = [];
  readonly flaps: string[] = [];
  readonly offered: [string, Failure | null][] = [];
  readonly met: string[] = [];
  readonly connector: Connector;
  ready = 0;
  /** What was adopted of the peer's settings is stable. */
  adopted: Promise<void> = Promise.resolve();

  constructor() {
    const tell = (index: number) => (note: WorkerNote) => {
      if (note.note !== "dial") return;
      const { epoch, self, peer: to } = note.order;
      const port = this.array.out.socket(index)?.port;
      expect([self, to]).toEqual([ALPHA, BETA]);
      this.dials.push(`${index} under ${epoch} to ${port}`);
    };
    this.connector = new Connector({
      self: ALPHA,
      array: this.array,
      workers: { at: (index: number) => ({ tell: tell(index) }) } as unknown as Workers,
      hello: () => hello("alpha"),
      met: async ({ name }) => {
        this.met.push(name);
        await this.adopted;
      },
      offers: () => [OFFER, OTHER],
      offered: (uuid, failure) => this.offered.push([uuid, failure]),
      arm: async (epoch) => {
        if (epoch > this.array.epoch) this.array.arm(2, epoch, 1);
        return this.array.count;
      },
      ready: () => this.ready++,
      trouble: (message) => this.troubles.push(message),
      flap: (index, reason) => this.flaps.push(`${index} ${reason}`),
      changed: () => undefined,
    });
    closing.push(() => this.connector.stop("the test is over", true));
  }
}

describe("a connector", () => {
  it("[L1] [L2] says hello, offers its LUNs, stores the ports it is told, and has each worker dial its own", async () => {
    const asked: string[] = [];
    const census: string[][] = [];
    const end = await peer({
      hello: async ({ name }) => {
        asked.push(`hello of ${name}`);
        return hello("beta");
      },
      "lun.offer": async ({ name }) => {
        asked.push(name);
        if (name === "one") throw new Failure("exists", "there is one already");
        return {};
      },
      "lun.census": async ({ uuids }) => {
        census.push(uuids);
        return {};
      },
      ports: async ({ epoch }) => {
        asked.push(`ports of ${epoch}`);
        return { ports: [24_401, 24_402] };
      },
    });
    const side = new Side();
    side.connector.start(7, record(end));
    await expect.poll(() => side.dials).toEqual(["0 under 7 to 24401", "1 under 7 to 24402"]);
    expect(asked).toEqual(["hello of alpha", "one", "two", "ports of 7"]);
    expect(census).toEqual([[OFFER.uuid, OTHER.uuid]]);
    expect(side.offered.map(([uuid, failure]) => [uuid, failure?.code])).toEqual([
      [OFFER.uuid, "exists"],
      [OTHER.uuid, undefined],
    ]);
    expect([side.met, side.ready, side.troubles]).toEqual([["beta"], 1, []]);
    const sockets = side.array.elements("out", 1).map(({ socket }) => socket);
    expect(sockets).toEqual(["127.0.0.1:24401", "127.0.0.1:24402"]);
    expect(side.connector.allOpen(7, 2)).toBe(false);
    side.connector.workerConnection(0, 7, true, "");
    side.connector.workerConnection(1, 6, true, "");
    expect(side.connector.allOpen(7, 2)).toBe(false);
    side.connector.workerConnection(1, 7, true, "");
    expect([side.connector.allOpen(7, 2), side.connector.allOpen(6, 2)]).toEqual([true, false]);
  });

  it("[O5] tries again, without a word, until the peer is ready, and tells other trouble once", async () => {
    let attempts = 0;
    const end = await peer({
      ports: async () => {
        attempts++;
        if (attempts < 3) throw new Failure("unavailable", "not ready for connections yet");
        if (attempts < 5) throw new Failure("internal", "a bug");
        return { ports: attempts === 5 ? [24_401] : [24_401, 24_402] };
      },
    });
    const side = new Side();
    side.connector.start(7, record(end));
    await expect.poll(() => side.dials.length, { timeout: 5_000 }).toBe(2);
    expect([attempts, side.troubles, side.met]).toEqual([6, ["a bug"], ["beta"]]);
  });

  it("[L4] leaves no connection behind where the servers do not come to terms", async () => {
    const created = vi.spyOn(net, "createServer");
    let hellos = 0;
    const end = await peer({
      hello: async () => {
        hellos++;
        throw new Failure("refused", "no protocol version in common");
      },
    });
    const server = created.mock.results[0]?.value as net.Server;
    const side = new Side();
    side.connector.start(7, record(end));
    await expect.poll(() => hellos, { timeout: 5_000 }).toBeGreaterThan(3);
    side.connector.stop("the test has seen enough", false);
    const open = () =>
      new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
    await expect.poll(open).toBe(0);
    expect(side.troubles).toEqual(["no protocol version in common"]);
    expect([side.connector.channel, side.ready]).toEqual([null, 0]);
  });

  it("[L3] forgets a peer whose hello comes after the pairing was removed, and dials the next at once", async () => {
    const late = Promise.withResolvers<ReturnType<typeof hello>>();
    let asked = 0;
    const former = await peer({
      hello: () => {
        asked++;
        return late.promise;
      },
    });
    const next = await peer({ ports: async () => ({ ports: [24_403, 24_404] }) });
    const side = new Side();
    side.connector.start(7, record(former));
    await expect.poll(() => asked).toBe(1);
    side.connector.stop("the pairing was removed", true);
    side.connector.start(8, record(next));
    await expect.poll(() => side.dials).toEqual(["0 under 8 to 24403", "1 under 8 to 24404"]);
    const { channel } = side.connector;
    late.resolve(hello("former"));
    await channel?.request("lun.census", { uuids: [] });
    expect(side.connector.channel).toBe(channel);
    expect([side.met, side.ready, side.troubles]).toEqual([["beta"], 1, []]);
  });

  it("[O1] opens no channel that was given up while settings were adopted", async () => {
    const end = await peer();
    const side = new Side();
    const adopted = Promise.withResolvers<void>();
    side.adopted = adopted.promise;
    side.connector.start(7, record(end));
    await expect.poll(() => side.met).toEqual(["beta"]);
    side.connector.stop("interrupted", true);
    side.connector.start(8, record(end));
    await expect.poll(() => side.met).toEqual(["beta", "beta"]);
    adopted.resolve();
    await expect.poll(() => side.dials).toEqual(["0 under 8 to 24401", "1 under 8 to 24402"]);
    expect([side.ready, side.troubles]).toEqual([1, []]);
  });

  it("[L1] dials no port of an epoch that is over", async () => {
    const late = Promise.withResolvers<void>();
    const asked: number[] = [];
    const end = await peer({
      ports: async ({ epoch }) => {
        asked.push(epoch);
        if (epoch === 7) await late.promise;
        return { ports: [24_401, 24_402] };
      },
    });
    const side = new Side();
    side.connector.start(7, record(end));
    await expect.poll(() => asked).toEqual([7]);
    side.connector.stop("made again", false);
    side.connector.start(8, record(end));
    await expect.poll(() => side.dials.length).toBe(2);
    late.resolve();
    // Two answers behind the late one: that has been taken.
    const { channel } = side.connector;
    for (let i = 0; i < 2; i++) await channel?.request("lun.census", { uuids: [] });
    expect(side.dials).toEqual(["0 under 8 to 24401", "1 under 8 to 24402"]);
  });

  it("[L5] asks for a new thread where a connection broke, and dials that", async () => {
    const reopened: { epoch: number; index: number }[] = [];
    const end = await peer({
      reopen: async (which) => {
        reopened.push(which);
        if (reopened.length === 1) throw new Failure("unavailable", "the old one runs");
        return { port: 24_409 };
      },
    });
    const side = new Side();
    const { connector, array } = side;
    connector.start(7, record(end));
    await expect.poll(() => side.dials.length).toBe(2);
    for (const index of [0, 1]) connector.workerConnection(index, 7, true, "");
    connector.workerConnection(1, 6, false, "of an epoch that is over");
    connector.workerConnection(1, 7, false, "reset");
    expect([array.out.closed(0), array.out.hasMark(1, 7, "broken")]).toEqual([false, true]);
    expect(connector.allOpen(7, 2)).toBe(false);
    await expect.poll(() => side.dials.at(-1)).toBe("1 under 7 to 24409");
    expect(reopened).toEqual([1, 1].map((index) => ({ epoch: 7, index })));
    expect(side.flaps).toEqual(["1 reset"]);
    connector.workerConnection(1, 7, true, "");
    expect([array.out.closed(1), connector.allOpen(7, 2)]).toEqual([false, true]);
    // What was never open is no flap.
    connector.start(8, record(end));
    connector.workerConnection(0, 8, false, "refused");
    expect(side.flaps).toHaveLength(1);
  });

  it("[O1] gives up when it is stopped, and keeps the control channel through a flap", async () => {
    let attempts = 0;
    const end = await peer({
      ports: async () => {
        attempts++;
        throw new Failure("unavailable", "not ready for connections yet");
      },
    });
    const side = new Side();
    side.connector.start(7, record(end));
    await expect.poll(() => attempts).toBeGreaterThan(1);
    const { channel } = side.connector;
    side.connector.stop("made again", false);
    expect(side.connector.channel).toBe(channel);
    side.connector.stop("interrupted", true);
    expect([side.connector.channel, channel?.closed]).toEqual([null, true]);
    side.connector.workerConnection(0, 7, true, "late");
    expect(side.connector.allOpen(7, 1)).toBe(false);
    expect([side.dials, side.flaps]).toEqual([[], []]);
  });
});
