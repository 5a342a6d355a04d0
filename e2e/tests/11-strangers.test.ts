/**
 * Issue test 11: strangers on the mirror and heartbeat ports, and random bytes on all four ports,
 * are dropped and counted, leave one audit event, and change nothing.
 */
import { type Event, type Link, parseHostPort } from "@lockstep/model";
import { expect, it } from "vitest";
import { stageForEachTest } from "../src/each-test.ts";
import { eventually, within } from "../src/eventually.ts";
import {
  expectNothingLost,
  LOCAL_WRITE_ALLOWANCE_MS,
  moreAnswers,
  startHost,
} from "../src/host.ts";
import { Impostor } from "../src/impostor.ts";
import { Pair } from "../src/pair.ts";
import { CommandFailed, StorageServer } from "../src/server.ts";
import { randomMessages, sendOverTcp, sendOverUdp } from "../src/stranger.ts";

const CONNECTIONS_PER_PORT = 20;
const DATAGRAMS = 50;
const DATAGRAM_ROUNDS = 4;
const IMPOSTOR_HEARTBEATS = 20;
const PURPOSES = ["control", "pair", "stream"] as const;
const stage = stageForEachTest();

/**
 * The ports of the server's connection threads: told to the peer, found in the peer's array. Each stops listening once
 * its worker has proven itself.
 */
async function connectionPorts(peer: StorageServer): Promise<number[]> {
  const { connections } = await peer.link();
  return connections.flatMap(({ socket }) => (socket === null ? [] : [parseHostPort(socket).port]));
}

function strangers(events: readonly Event[]): Event[] {
  return events.filter(({ kind }) => kind === "stranger");
}

function unchanged(before: Link, after: Link): void {
  expect(after.state).toBe("up");
  expect(after.outageNumber).toBe(before.outageNumber);
  expect(after.peer).toEqual(before.peer);
  expect(after.settings).toEqual(before.settings);
  const places = ({ connections }: Link) =>
    connections.map(({ index, socket, closed }) => ({ index, socket, closed }));
  expect(places(after)).toEqual(places(before));
}

/** Each of so many datagrams is counted: no more than the socket's buffer holds are sent at a time. */
async function expectCounted(server: StorageServer): Promise<void> {
  const { rejected } = (await server.link()).heartbeat;
  await sendOverUdp(server.ports.heartbeat, randomMessages(DATAGRAMS, 1_400));
  await eventually("the datagrams to be counted", 10_000, async () => {
    return (await server.link()).heartbeat.rejected >= rejected + DATAGRAMS;
  });
}

it("[L3] strangers are dropped and counted, leave one audit event, and change nothing", async () => {
  const pair = await Pair.start(stage());
  const { alpha, beta } = pair;
  const lun = await pair.createMirroredLun("disk", "64MiB", "sync");
  const images = await pair.images("disk");
  const host = await startHost(stage(), alpha, lun);
  await moreAnswers(host, 300);
  const before = await beta.link();
  const eventsBefore = await beta.events();

  const { mirror } = beta.ports;
  const sent = randomMessages(CONNECTIONS_PER_PORT, 4_096).map((bytes) =>
    sendOverTcp(mirror, bytes),
  );
  expect(new Set(await Promise.all(sent))).toEqual(new Set(["closed"]));
  const impostor = await Impostor.make(alpha, beta);
  for (const purpose of PURPOSES) await impostor.dial(mirror, purpose);
  const taken = await connectionPorts(alpha);
  expect(taken).toHaveLength(pair.times.connections);
  for (const port of taken) {
    const [bytes] = randomMessages(1, 4_096);
    expect(await sendOverTcp(port, bytes as Buffer), "a thread that has its worker").toBe(
      "refused",
    );
  }
  await impostor.sendHeartbeats(stage(), IMPOSTOR_HEARTBEATS);
  for (let round = 0; round < DATAGRAM_ROUNDS; round++) await expectCounted(beta);
  const dialled = CONNECTIONS_PER_PORT + PURPOSES.length;
  expect((await beta.link()).strangers - before.strangers).toBe(dialled);
  await moreAnswers(host, 300);

  const events = strangers((await beta.events()).slice(eventsBefore.length));
  expect(events.map(({ subject }) => subject)).toHaveLength(1);
  unchanged(before, await beta.link());
  await within("the host's last answers", 10_000, host.stop());
  expect((await alpha.lun("disk")).state).toBe("mirrored");
  expect(await alpha.outages()).toEqual([]);
  expect(await pair.firstDifference("disk")).toBeNull();
  await expectNothingLost(host, [images.alpha, images.beta]);
});

it("[L3] a third server without an invitation cannot join, nor can one with a used code", async () => {
  const pair = await Pair.start(stage());
  const { alpha } = pair;
  const before = await alpha.link();
  const stranger = await StorageServer.start(stage(), { name: "stranger" });
  await expect(stranger.cli("peer", "join", pair.invitation)).rejects.toBeInstanceOf(CommandFailed);
  await expect(stranger.cli("peer", "join", "made-up")).rejects.toBeInstanceOf(CommandFailed);
  expect((await stranger.link()).state).not.toBe("up");
  unchanged(before, await alpha.link());
});

it("[L4] random bytes on all four ports of the primary: hosts, link and API go on", async () => {
  const pair = await Pair.start(stage());
  const { alpha } = pair;
  const lun = await pair.createMirroredLun("disk", "64MiB", "sync");
  const images = await pair.images("disk");
  await alpha.waitForBackend();
  const host = await startHost(stage(), alpha, lun);
  await moreAnswers(host, 300);
  const before = await alpha.link();
  const processes = await alpha.processIds();

  for (const port of [alpha.ports.api, alpha.ports.iscsi, alpha.ports.mirror]) {
    const sent = randomMessages(CONNECTIONS_PER_PORT, 8_192).map((bytes) =>
      sendOverTcp(port, bytes),
    );
    await Promise.all(sent);
  }
  await sendOverUdp(alpha.ports.heartbeat, randomMessages(DATAGRAMS, 1_400));
  await moreAnswers(host, 300);

  unchanged(before, await alpha.link());
  expect(await alpha.processIds()).toEqual(processes);
  const health = await fetch(`http://127.0.0.1:${alpha.ports.api}/healthz`);
  expect(health.status).toBe(200);
  await within("the host's last answers", 10_000, host.stop());
  expect(host.longestWaitMs).toBeLessThanOrEqual(pair.detectionMs + LOCAL_WRITE_ALLOWANCE_MS);
  expect(await pair.firstDifference("disk")).toBeNull();
  await expectNothingLost(host, [images.alpha, images.beta]);
});
