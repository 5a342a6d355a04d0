/** A worker's connection to its connection thread (SPEC L1, L3): opens, carries frames and answers, is lost once. */
import { EventEmitter, once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MirroredLun } from "../lun/mirrored-lun.ts";
import { encodeFrame, type FrameHeader, FrameKind, HEADER_BYTES, lunBytes } from "../wire/frame.ts";
import { MirrorConnection } from "./mirror-connection.ts";
import { keyedHash } from "./secret-hash.ts";
import { HASH, IDENTITY, LUN } from "./testing/mirror-ends.ts";
import { BETA, Listening, listenerRole, ProvenEnd, Stranger } from "./testing/proven-ends.ts";

const OTHER_LUN = "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0fa";

let listening: Listening;
const connections: MirrorConnection[] = [];
beforeEach(async () => {
  listening = await Listening.start();
});
afterEach(() => {
  for (const connection of connections.splice(0)) connection.close("the test is over");
  listening.close();
});

function dial(hash = HASH, port = listening.port) {
  const told = new EventEmitter<{ opened: []; lost: [string] }>();
  const losses: string[] = [];
  const sent: number[] = [];
  told.on("lost", (reason) => losses.push(reason));
  const connection = new MirrorConnection({
    host: "127.0.0.1",
    port,
    identity: IDENTITY,
    listener: BETA,
    hash,
    opened: () => told.emit("opened"),
    lost: (reason) => told.emit("lost", reason),
    sent: (bytes) => sent.push(bytes),
  });
  connections.push(connection);
  return { connection, told, losses, sent };
}

async function opened() {
  const dialled = dial();
  const open = once(dialled.told, "opened");
  const end = new ProvenEnd(await listening.next(), listenerRole(HASH));
  await Promise.all([open, end.ready]);
  return { ...dialled, end };
}

/** A LUN, as a connection sees it. */
function fakeLun() {
  const answers: { kind: FrameKind; number: number; payload: string }[] = [];
  const ports: unknown[] = [];
  const lun = {
    connected: (port: unknown) => ports.push(port),
    answered: ({ kind, number }: FrameHeader, payload: Buffer) =>
      answers.push({ kind, number, payload: payload.toString("utf8") }),
  };
  return { lun: lun as unknown as MirroredLun, answers, ports };
}

function header(number: number, payload: Buffer | null = null, uuid = LUN): Buffer {
  const length = payload?.length ?? 0;
  const stream = { hi: 1, lo: 2 };
  const frame = encodeFrame(FrameKind.write, lunBytes(uuid), stream, number, 0, length, payload);
  return frame.subarray(0, HEADER_BYTES);
}

function answer(socket: Socket, uuid: string, number: number, payload: Buffer | null = null): void {
  const stream = { hi: 1, lo: 2 };
  socket.write(encodeFrame(FrameKind.ack, lunBytes(uuid), stream, number, 0, 0, payload));
}

describe("a mirror connection", () => {
  it("[L1] carries a LUN's frames whole and in order, and counts their bytes", async () => {
    const { connection, end, sent } = await opened();
    expect(connection.isOpen).toBe(true);
    const payload = Buffer.alloc(3000, 1);
    connection.send(header(1), null);
    connection.send(header(2, payload), payload);
    connection.sendRecords(Buffer.concat([header(3), header(4, payload), payload]));
    connection.send(header(5), null);
    await expect.poll(() => end.numbers).toEqual([1, 2, 3, 4, 5]);
    expect(sent).toEqual([64, 3064, 3128, 64]);
  });

  it("[L1] brings each LUN its own answers, and no answer to one that is not here", async () => {
    const { connection, end } = await opened();
    const one = fakeLun();
    const other = fakeLun();
    connection.attach(LUN, one.lun);
    connection.attach(OTHER_LUN, other.lun);
    expect(one.ports).toEqual([connection]);
    const { socket } = end.proven;
    answer(socket, LUN, 1, Buffer.from("payload"));
    answer(socket, OTHER_LUN, 2);
    await expect.poll(() => other.answers.map(({ number }) => number)).toEqual([2]);
    connection.detach(OTHER_LUN);
    answer(socket, OTHER_LUN, 3);
    answer(socket, LUN, 4);
    await expect.poll(() => one.answers.map(({ number }) => number)).toEqual([1, 4]);
    expect(one.answers[0]?.payload).toBe("payload");
    expect(other.answers).toHaveLength(1);
  });

  it("[L3] sends nothing of a LUN before the peer has proven itself, nor after the end", async () => {
    const { connection, told, losses, sent } = dial();
    const peer = new Stranger(await listening.next());
    connection.send(header(1), null);
    connection.sendRecords(header(2));
    peer.says(FrameKind.challenge, { nonce: "00".repeat(16) });
    await peer.hears(FrameKind.proof);
    connection.send(header(3), null);
    expect(connection.isOpen).toBe(false);
    const lost = once(told, "lost");
    peer.says(FrameKind.welcome, { mac: "00".repeat(32) });
    expect(await lost).toEqual(["the welcome is wrong"]);
    connection.send(header(4), null);
    await peer.ended;
    expect(sent).toEqual([]);
    expect(losses).toHaveLength(1);
  });

  it("[L5] says once that it is lost, whoever ends it", async () => {
    const { connection, told, losses, end } = await opened();
    const lost = once(told, "lost");
    end.proven.close("the thread ends");
    expect(await lost).toEqual(["the other side closed it"]);
    expect(connection.isOpen).toBe(false);
    connection.close("later");
    expect(losses).toHaveLength(1);
    const ours = await opened();
    ours.connection.send(header(1), null);
    ours.connection.close("interrupted");
    expect(ours.losses).toEqual(["interrupted"]);
    expect((await ours.end.closed).stranger).toBe(false);
  });

  it("[L3] is never open where the secrets differ", async () => {
    const { connection, told, losses } = dial(keyedHash(Buffer.alloc(32, 8), "stream"));
    const lost = once(told, "lost");
    const end = new ProvenEnd(await listening.next(), listenerRole(HASH));
    await Promise.all([lost, end.closed]);
    expect(connection.isOpen).toBe(false);
    expect(losses).toEqual(["the other side closed it"]);
  });
});
