/** Who gets into a connection, and who does not (SPEC L3, L4), over loopback. */
import { once } from "node:events";
import net from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { encodeFrame, FrameKind } from "../wire/frame.ts";
import {
  diallerMac,
  HANDSHAKE_PAYLOAD_BYTES,
  HANDSHAKE_TIMEOUT_MS,
  listenerMac,
  type Proof,
} from "../wire/handshake.ts";
import { encodeJsonFrame, type Identity } from "./proven-socket.ts";
import { freshNonce, keyedHash } from "./secret-hash.ts";
import {
  ALPHA,
  BETA,
  Listening,
  listenerRole,
  ProvenEnd,
  Stranger,
} from "./testing/proven-ends.ts";

const SECRET = Buffer.alloc(32, 7);
const HASH = keyedHash(SECRET, "stream");
const OTHER_HASH = keyedHash(Buffer.alloc(32, 8), "stream");
const IDENTITY: Identity = { purpose: "stream", from: ALPHA, epoch: 3, index: 1 };

let listening: Listening;
const sockets: net.Socket[] = [];

beforeEach(async () => {
  listening = await Listening.start();
});
afterEach(() => {
  vi.useRealTimers();
  listening.close();
  for (const socket of sockets.splice(0)) socket.destroy();
});

function dial(hash = HASH, listener: string | null = BETA, port = listening.port): ProvenEnd {
  const socket = net.connect(port, "127.0.0.1");
  sockets.push(socket);
  return new ProvenEnd(socket, { role: "dialler", identity: IDENTITY, listener, hash });
}

function stranger(): Stranger {
  const one = Stranger.dial(listening.port);
  sockets.push(one.socket);
  return one;
}

async function accept(role = listenerRole(HASH)): Promise<ProvenEnd> {
  return new ProvenEnd(await listening.next(), role);
}

function numbered(number: number, bytes = 0): Buffer {
  const payload = Buffer.alloc(bytes);
  return encodeFrame(FrameKind.ack, Buffer.alloc(16), { hi: 0, lo: 0 }, number, 0, 0, payload);
}

/** The listener turned the dialler away, for this reason, and heard nothing of it. */
async function turnedAway(end: ProvenEnd, reason: string): Promise<void> {
  expect(await end.closed).toEqual({ reason, stranger: true });
  expect(end.identities).toEqual([]);
  expect(end.numbers).toEqual([]);
  expect(end.batches).toBe(0);
}

describe("a proven connection", () => {
  it("[L3] carries frames both ways once both have proven that they know the secret", async () => {
    const dialler = dial();
    const listener = await accept();
    await Promise.all([dialler.ready, listener.ready]);
    expect(dialler.identities).toEqual([IDENTITY]);
    expect(listener.identities).toEqual([IDENTITY]);
    const long = HANDSHAKE_PAYLOAD_BYTES + 1;
    dialler.proven.socket.write(Buffer.concat([numbered(1), numbered(2, long)]));
    listener.proven.socket.write(numbered(3, long));
    await expect.poll(() => listener.numbers).toEqual([1, 2]);
    await expect.poll(() => dialler.numbers).toEqual([3]);
    expect(listener.batches).toBeGreaterThan(0);
    dialler.proven.close("enough");
    expect(await dialler.closed).toEqual({ reason: "enough", stranger: false });
    expect((await listener.closed).stranger).toBe(false);
  });

  it("[L3] takes frames that come in one piece with the proof", async () => {
    const one = stranger();
    const listener = await accept();
    const { nonce } = await one.hears<{ nonce: string }>(FrameKind.challenge);
    const proof = { ...IDENTITY, nonce: freshNonce() };
    const mac = diallerMac(HASH, { listenerNonce: nonce, proof, listener: BETA });
    const proven = encodeJsonFrame(FrameKind.proof, { ...proof, mac });
    one.socket.write(Buffer.concat([proven, numbered(1), numbered(2)]));
    await one.hears(FrameKind.welcome);
    await expect.poll(() => listener.numbers).toEqual([1, 2]);
  });

  it("[L4] ends at a frame that was not expected, and hands on none after it", async () => {
    const dialler = dial();
    const listener = await accept();
    await dialler.ready;
    listener.refused = 2;
    dialler.proven.socket.write(Buffer.concat([1, 2, 3].map((number) => numbered(number))));
    const reason = "a frame was not expected";
    expect(await listener.closed).toEqual({ reason, stranger: false });
    expect(listener.numbers).toEqual([1, 2]);
    await dialler.closed;
    expect(listener.closings).toHaveLength(1);
    expect(dialler.closings).toHaveLength(1);
  });

  it("[L4] ends at a damaged frame, and hands it on to nobody", async () => {
    const dialler = dial();
    const listener = await accept();
    await dialler.ready;
    const damaged = numbered(2);
    damaged.writeUInt8(1, 40);
    dialler.proven.socket.write(Buffer.concat([numbered(1), damaged]));
    const reason = "a frame is wrong: header-checksum";
    expect(await listener.closed).toEqual({ reason, stranger: false });
    expect(listener.numbers).toEqual([1]);
  });
});

describe("a listener", () => {
  it("[L3] turns away who has another secret", async () => {
    const dialler = dial(OTHER_HASH);
    await turnedAway(await accept(), "the proof is wrong");
    expect((await dialler.closed).stranger).toBe(true);
    expect(dialler.identities).toEqual([]);
  });

  it("[L3] turns away whom it does not know", async () => {
    dial();
    await turnedAway(await accept(listenerRole(null)), "nobody known here");
  });

  it("[L3] turns away a proof that was made for another server", async () => {
    dial(HASH, ALPHA);
    await turnedAway(await accept(), "the proof is wrong");
  });

  it("[L3] turns away a proof that was recorded", async () => {
    const honest = stranger();
    const first = await accept();
    const proof = { ...IDENTITY, nonce: freshNonce() };
    const recorded = await honest.proves(proof, (listenerNonce) =>
      diallerMac(HASH, { listenerNonce, proof, listener: BETA }),
    );
    await first.ready;
    const replaying = stranger();
    const second = accept();
    await replaying.proves(recorded, () => recorded.mac);
    await turnedAway(await second, "the proof is wrong");
  });

  it("[L3] turns away its own proof when it is reflected", async () => {
    // One in the middle has beta dial it, and beta's listener challenge it: each must not serve for the other.
    const middle = await Listening.start();
    const one = stranger();
    const listener = await accept();
    const victim = dial(HASH, ALPHA, middle.port);
    const facing = new Stranger(await middle.next());
    facing.says(FrameKind.challenge, await one.hears(FrameKind.challenge));
    one.says(FrameKind.proof, await facing.hears(FrameKind.proof));
    await turnedAway(listener, "the proof is wrong");
    facing.says(FrameKind.welcome, { mac: "00".repeat(32) });
    await turnedAway(victim, "the welcome is wrong");
    middle.close();
  });

  const changes: [string, Partial<Proof>][] = [
    ["purpose", { purpose: "control" }],
    ["epoch", { epoch: 4 }],
    ["element", { index: 0 }],
    ["server", { from: BETA }],
    ["nonce", { nonce: freshNonce() }],
  ];
  for (const [what, change] of changes) {
    it(`[L3] turns away a proof whose ${what} was changed on its way`, async () => {
      const one = stranger();
      const listener = accept();
      const honest = { ...IDENTITY, nonce: freshNonce() };
      await one.proves({ ...honest, ...change }, (listenerNonce) =>
        diallerMac(HASH, { listenerNonce, proof: honest, listener: BETA }),
      );
      await turnedAway(await listener, "the proof is wrong");
    });
  }

  it("[L3] turns away a proof under the key of another use", async () => {
    const control = keyedHash(SECRET, "control");
    dial(control);
    await turnedAway(await accept(), "the proof is wrong");
  });

  it("[L3] [L4] reads nothing before the proof but a short handshake frame", async () => {
    const tooLong = "x".repeat(HANDSHAKE_PAYLOAD_BYTES);
    const said: [Buffer, string][] = [
      [encodeJsonFrame(FrameKind.proof, { tooLong }), "a frame is wrong: too-long"],
      [Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(4)), "a frame is wrong: magic"],
      [encodeJsonFrame(FrameKind.challenge, { nonce: freshNonce() }), "no proof came first"],
      [encodeJsonFrame(FrameKind.control, { id: 1 }), "no proof came first"],
      [numbered(1), "no proof came first"],
      [encodeJsonFrame(FrameKind.proof, { nonce: "x" }), "the proof could not be read"],
      [encodeJsonFrame(FrameKind.proof, null), "the proof could not be read"],
    ];
    for (const [bytes, reason] of said) {
      const one = stranger();
      const listener = await accept();
      one.socket.write(bytes);
      await turnedAway(listener, reason);
      await one.ended;
    }
  });

  it("[L3] gives a stranger no more than its time", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const one = stranger();
    const listener = await accept();
    await one.hears(FrameKind.challenge);
    one.socket.write(numbered(1).subarray(0, 30));
    vi.advanceTimersByTime(HANDSHAKE_TIMEOUT_MS - 1);
    expect(listener.closings).toEqual([]);
    vi.advanceTimersByTime(1);
    await turnedAway(listener, "no proof in time");
    await one.ended;
  });

  it("[L3] takes the time of nobody who has proven itself", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const dialler = dial();
    const listener = await accept();
    await Promise.all([dialler.ready, listener.ready]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a dialler", () => {
  it("[L3] turns away a listener that does not know the secret", async () => {
    const dialler = dial();
    const listener = new Stranger(await listening.next());
    const listenerNonce = freshNonce();
    listener.says(FrameKind.challenge, { nonce: listenerNonce });
    const { mac: _mac, ...proof } = await listener.hears<Proof>(FrameKind.proof);
    const mac = listenerMac(OTHER_HASH, { listenerNonce, proof, listener: BETA });
    listener.says(FrameKind.welcome, { mac });
    await turnedAway(dialler, "the welcome is wrong");
  });

  it("[L3] turns away its own proof as a welcome, and one for another challenge", async () => {
    for (const which of ["own", "other"] as const) {
      const dialler = dial();
      const listener = new Stranger(await listening.next());
      listener.says(FrameKind.challenge, { nonce: freshNonce() });
      const { mac, ...proof } = await listener.hears<Proof>(FrameKind.proof);
      const subject = { listenerNonce: freshNonce(), proof, listener: BETA };
      listener.says(FrameKind.welcome, { mac: which === "own" ? mac : listenerMac(HASH, subject) });
      await turnedAway(dialler, "the welcome is wrong");
    }
  });

  it("[L3] proves itself once, and only to who keeps the order", async () => {
    const nonce = freshNonce();
    const first: [FrameKind, unknown, string][] = [
      [FrameKind.welcome, { mac: "00".repeat(32) }, "the handshake is out of order"],
      [FrameKind.proof, { nonce }, "the handshake is out of order"],
      [FrameKind.challenge, { nonce: "x" }, "the challenge could not be read"],
    ];
    for (const [kind, value, reason] of first) {
      const dialler = dial();
      new Stranger(await listening.next()).says(kind, value);
      await turnedAway(dialler, reason);
    }
    const dialler = dial();
    const listener = new Stranger(await listening.next());
    listener.says(FrameKind.challenge, { nonce });
    await listener.hears(FrameKind.proof);
    listener.says(FrameKind.challenge, { nonce: freshNonce() });
    await turnedAway(dialler, "the handshake is out of order");
    const reading = dial();
    const unread = new Stranger(await listening.next());
    unread.says(FrameKind.challenge, { nonce });
    await unread.hears(FrameKind.proof);
    unread.says(FrameKind.welcome, {});
    await turnedAway(reading, "the welcome could not be read");
  });

  it("[L6] gives a listener that says nothing no more than its time", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const dialler = dial();
    await listening.next();
    vi.advanceTimersByTime(HANDSHAKE_TIMEOUT_MS);
    await turnedAway(dialler, "no proof in time");
  });

  it("says once why nobody could be reached", async () => {
    const { port } = listening;
    listening.server.close();
    await once(listening.server, "close");
    const dialler = dial(HASH, BETA, port);
    const { reason, stranger: early } = await dialler.closed;
    expect(reason).toContain("ECONNREFUSED");
    expect(early).toBe(true);
    await once(dialler.proven.socket, "close");
    expect(dialler.closings).toHaveLength(1);
  });
});
