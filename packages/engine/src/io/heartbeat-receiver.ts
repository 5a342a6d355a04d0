/**
 * The heartbeat receiver thread (SPEC H1, H2): takes datagrams off its socket, drops what does not prove the pairing secret
 * (L3), renews the timestamps of both connection arrays, copies in what the peer marked, and says when the socket was
 * empty (H5): a timer notes the time, the poll phase that follows receives, and fewer than POLL_LIMIT datagrams in it mean
 * that all that had arrived by then has been received.
 */

import { randomBytes } from "node:crypto";
import type { RemoteInfo, Socket } from "node:dgram";
import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { MessagePort } from "node:worker_threads";
import { parentPort, workerData } from "node:worker_threads";
import type { Heartbeat, Mac } from "../heartbeat/index.ts";
import {
  decodeHeartbeat,
  MAC_BYTES,
  missedSince,
  nextDrainMs,
  PeerTracker,
  RunningClock,
  silenceThresholdMs,
  ToldSignal,
} from "../heartbeat/index.ts";
import { ConnectionArray } from "./connection-array.ts";
import { heartbeatMac } from "./heartbeat-mac.ts";
import { NO_NOTES, readNotes, writeNotes } from "./heartbeat-notes.ts";
import type {
  HeartbeatEvent,
  InterruptedEvent,
  PeerReport,
  RejectReason,
  ThreadCommand,
  ThreadData,
  ThreadPeer,
  ThreadReport,
} from "./heartbeat-protocol.ts";
import { LUN_AGE_REPORT_MS, REJECT_REPORT_MS } from "./heartbeat-protocol.ts";
import { monotonicMs } from "./monotonic-clock.ts";
import { raiseThreadPriority } from "./thread-priority.ts";

/** libuv receives at most 32 datagrams of a socket in one poll phase. */
const POLL_LIMIT = 32;
const REBIND_MS = 100;

/** What was known before a datagram. */
interface Before {
  heardMs: number;
  intervalMs: number;
  missed: number;
}

class HeartbeatReceiver {
  readonly #port: MessagePort;
  readonly #array: ConnectionArray;
  readonly #bind: { host: string; port: number };
  readonly #versionMax: number;
  readonly #scratch = new Uint8Array(MAC_BYTES);
  readonly #rejects = new Map<RejectReason, number>();
  readonly #told = new ToldSignal();
  #tracker = new PeerTracker(randomNonce);
  #peer: ThreadPeer | null = null;
  #mac: Mac | null = null;
  #reported: PeerReport | null = null;
  #reportedAtMs = 0;
  #rejectedFrom = "";
  #rejectsReportedAtMs = 0;
  #rttMs: number | null = null;
  #peerIntervalMs = 0;
  #socket: Socket | null = null;
  /** The last failure told, so that trying on does not tell it again. */
  #failure: string | null = null;
  readonly #clock: RunningClock;
  /** How long the thread had been stalled when it last heard the peer. */
  #stalledAtHeardMs = 0;
  #datagrams = 0;
  #pollBeganMs = 0;

  constructor(port: MessagePort, data: ThreadData) {
    this.#port = port;
    this.#array = ConnectionArray.attach(data.buffer);
    this.#clock = new RunningClock(this.#array.stalledMs);
    this.#stalledAtHeardMs = this.#clock.stalledMs;
    this.#bind = data.bind;
    this.#versionMax = data.versions.max;
    port.on("message", (command: ThreadCommand) => {
      if (command.type === "peer") this.#forget(command.peer);
    });
    this.#resume(data.peer);
    this.#open();
    this.#poll();
  }

  /** Goes on where a receiver before this one ended. */
  #resume(peer: ThreadPeer | null): void {
    const { bootId, counter, peerIntervalMs } = readNotes(this.#array.notes);
    this.#setPeer(peer);
    if (bootId === null) return;
    this.#tracker = new PeerTracker(randomNonce, { bootId, counter });
    this.#tracker.window.addMissed(this.#array.missed);
    this.#peerIntervalMs = peerIntervalMs;
  }

  /** Another peer, or none: nothing of the last one holds. */
  #forget(peer: ThreadPeer | null): void {
    this.#setPeer(peer);
    const { missed } = this.#array;
    this.#tracker = new PeerTracker(randomNonce);
    this.#tracker.window.addMissed(missed);
    this.#told.reset();
    this.#reported = null;
    this.#rttMs = null;
    this.#peerIntervalMs = 0;
    this.#array.forgetHeard();
    this.#array.setTimes(null, null);
    this.#array.setLoss(null, null);
    writeNotes(this.#array.notes, NO_NOTES);
  }

  #setPeer(peer: ThreadPeer | null): void {
    this.#peer = peer;
    this.#mac = peer && heartbeatMac(peer.key);
  }

  #open(): void {
    const { host, port } = this.#bind;
    const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4", reuseAddr: false });
    this.#socket = socket;
    socket.on("message", (bytes, from) => this.#receive(bytes, from));
    socket.once("listening", () => {
      this.#failure = null;
      this.#say({ type: "bound", port: socket.address().port });
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const code = error.code ?? "";
      if (code !== this.#failure) this.#say({ type: "bind-failed", code, message: error.message });
      this.#failure = code;
      if (this.#socket === socket) this.#socket = null;
      socket.close();
      setTimeout(() => this.#open(), REBIND_MS);
    });
    socket.bind(port, host);
  }

  #poll(): void {
    this.#pollBeganMs = this.#ran();
    this.#datagrams = 0;
    setImmediate(() => this.#polled());
  }

  #polled(): void {
    if (this.#datagrams >= POLL_LIMIT) {
      this.#poll();
      return;
    }
    if (this.#socket) this.#array.setDrained(this.#pollBeganMs);
    const nowMs = this.#ran();
    const { settings } = this.#array.settings();
    this.#reject("unanswered", "", this.#tracker.takeStrays(nowMs, settings.t2));
    this.#reportRejects(nowMs);
    const thresholdMs = silenceThresholdMs(settings.t1, settings.t2, this.#peerIntervalMs);
    const sinceMs = this.#array.lastHeardMs || this.#array.armedAtMs;
    const deadlineMs = sinceMs + thresholdMs + this.#clock.stalledMs - this.#stalledAtHeardMs;
    const nextMs = nextDrainMs(nowMs, settings.t2, deadlineMs);
    setTimeout(() => this.#poll(), Math.max(1, Math.ceil(nextMs - nowMs)));
  }

  /** Says the time, and takes note that the thread runs at it. */
  #ran(): number {
    const nowMs = monotonicMs();
    this.#clock.ran(nowMs, this.#array.settings().settings.t2);
    this.#array.setStalled(this.#clock.stalledMs);
    return nowMs;
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    this.#datagrams++;
    const peer = this.#peer;
    const mac = this.#mac;
    if (!peer || !mac) {
      this.#reject("unpaired", from.address);
      return;
    }
    const expected = {
      sender: peer.sender,
      direction: peer.direction,
      versionMax: this.#versionMax,
    };
    const message = decodeHeartbeat(bytes, expected, mac, this.#scratch);
    if (typeof message === "string") {
      this.#reject(message, from.address);
      return;
    }
    const nowMs = this.#ran();
    const before: Before = {
      heardMs: this.#array.lastHeardMs,
      intervalMs: this.#peerIntervalMs,
      missed: this.#tracker.window.missed,
    };
    const received = this.#tracker.receive(message, nowMs, this.#array.settings().settings.t2);
    if (received.kind === "rejected") this.#reject(received.reason, from.address);
    if (received.kind === "unproven") this.#rejectedFrom = from.address;
    if (received.kind === "accepted") {
      if (received.newBoot) this.#begin(received.replaced, before, nowMs);
      else this.#countUnsent(before, nowMs);
      this.#accept(message, nowMs);
    }
    if (received.kind !== "rejected")
      this.#leaveNotes(message, nowMs, received.kind === "accepted");
  }

  /** A peer that stood still for longer than T1 sent nothing, so that no counter tells of what should have come. */
  #countUnsent({ heardMs, intervalMs, missed }: Before, nowMs: number): void {
    if (heardMs === 0 || nowMs - heardMs <= this.#array.settings().settings.t1) return;
    const { window } = this.#tracker;
    const due = missedSince(heardMs, nowMs, Math.max(1, intervalMs));
    window.addMissed(Math.max(0, due - (window.missed - missed)));
  }

  /** A boot id's first accepted message. What was armed with the one before is over, however short the change (L5). */
  #begin(replaced: boolean, before: Before, nowMs: number): void {
    this.#told.reset();
    this.#rttMs = null;
    if (!replaced) return;
    this.#tracker.window.addMissed(
      missedSince(before.heardMs, nowMs, Math.max(1, before.intervalMs)),
    );
    const { epoch, count } = this.#array;
    for (let i = 0; i < count; i++) {
      this.#array.out.mark(i, epoch, "silence");
      this.#array.in.mark(i, epoch, "silence");
    }
    this.#event(this.#interrupted("peer-restart", "in", before.heardMs, nowMs));
    this.#event({ type: "heard", at: nowMs, direction: "in" });
  }

  #accept(message: Heartbeat, nowMs: number): void {
    this.#array.heard(nowMs);
    this.#stalledAtHeardMs = this.#clock.stalledMs;
    this.#measure(message, nowMs);
    const newMarks = this.#copyMarks(message);
    const told = this.#told.receive(message, this.#array.bootId, newMarks);
    if (told.began)
      this.#event(this.#interrupted("told", "out", this.#heardByPeerMs(message), nowMs));
    if (told.heard) this.#event({ type: "heard", at: nowMs, direction: "out" });
    this.#reportPeer(message, nowMs);
  }

  /** When the last heartbeat was sent that the peer accepted of this start of ours; 0 where it accepted none. */
  #heardByPeerMs({ echo }: Heartbeat): number {
    return echo?.bootId === this.#array.bootId ? echo.sentAtUs / 1000 : 0;
  }

  /** The peer's `out` connections are our `in` ones. Marks of another epoch are ignored (H3). */
  #copyMarks(message: Heartbeat): boolean {
    const { epoch } = this.#array;
    if (message.epoch !== epoch) return false;
    let copied = false;
    for (let i = 0; i < this.#array.count; i++) {
      const bit = 1 << i;
      if (message.closedOut & bit) copied = this.#array.in.mark(i, epoch, "told") || copied;
      if (message.closedIn & bit) copied = this.#array.out.mark(i, epoch, "told") || copied;
    }
    return copied;
  }

  #measure(message: Heartbeat, nowMs: number): void {
    const { window } = this.#tracker;
    window.time(nowMs, message.sentAtUs / 1000);
    const { echo } = message;
    if (echo && echo.bootId === this.#array.bootId && echo.heldUs !== null) {
      const rttMs = Math.max(0, nowMs - echo.sentAtUs / 1000 - echo.heldUs / 1000);
      this.#rttMs = this.#rttMs === null ? rttMs : this.#rttMs + (rttMs - this.#rttMs) / 8;
    }
    this.#array.setTimes(this.#rttMs, window.jitterMs);
    this.#array.setLoss(message.lossIn, window.loss);
    this.#array.setMissed("missed", window.missed);
  }

  #leaveNotes(message: Heartbeat, nowMs: number, accepted: boolean): void {
    if (accepted) this.#peerIntervalMs = message.intervalMs;
    const tracker = this.#tracker;
    const before = readNotes(this.#array.notes);
    writeNotes(this.#array.notes, {
      bootId: tracker.bootId,
      counter: accepted ? message.counter : before.counter,
      sentAtUs: accepted ? message.sentAtUs : before.sentAtUs,
      receivedAtMs: accepted ? nowMs : before.receivedAtMs,
      challenge: tracker.challenge,
      answers: tracker.answers,
      peerIntervalMs: this.#peerIntervalMs,
      lossIn: tracker.window.loss,
    });
  }

  #reportPeer(message: Heartbeat, nowMs: number): void {
    const report: PeerReport = {
      bootId: message.bootId,
      versionMin: message.versionMin,
      versionMax: message.versionMax,
      state: message.state,
      outageNumber: message.outageNumber,
      settingsVersion: message.settingsVersion,
      epoch: message.epoch,
      probationMs: message.probationMs,
      intervalMs: message.intervalMs,
      hearsUs: this.#told.state === "heard",
      lunAges: message.lunAges,
    };
    const agesDue = message.lunAges.length > 0 && nowMs - this.#reportedAtMs >= LUN_AGE_REPORT_MS;
    if (this.#reported && isSame(this.#reported, report) && !agesDue) return;
    this.#reported = report;
    this.#reportedAtMs = nowMs;
    this.#event({ type: "peer", peer: report });
  }

  #interrupted(
    reason: InterruptedEvent["reason"],
    direction: InterruptedEvent["direction"],
    lastHeardMs: number,
    nowMs: number,
  ): InterruptedEvent {
    return {
      type: "interrupted",
      at: nowMs,
      lastHeardAt: lastHeardMs === 0 ? null : lastHeardMs,
      reason,
      direction,
      epoch: this.#array.epoch,
    };
  }

  #reject(reason: RejectReason, from: string, count = 1): void {
    if (count === 0) return;
    this.#array.add("rejected", count);
    this.#rejects.set(reason, (this.#rejects.get(reason) ?? 0) + count);
    if (from !== "") this.#rejectedFrom = from;
  }

  #reportRejects(nowMs: number): void {
    if (this.#rejects.size === 0) return;
    const reportedAtMs = this.#rejectsReportedAtMs;
    if (reportedAtMs !== 0 && nowMs - reportedAtMs < REJECT_REPORT_MS) return;
    this.#rejectsReportedAtMs = nowMs;
    this.#event({
      type: "rejected",
      counts: Object.fromEntries(this.#rejects),
      lastFrom: this.#rejectedFrom,
    });
    this.#rejects.clear();
  }

  #event(event: HeartbeatEvent): void {
    this.#say({ type: "event", event });
  }

  #say(report: ThreadReport): void {
    this.#port.postMessage(report);
  }
}

function isSame(a: PeerReport, b: PeerReport): boolean {
  return (
    a.bootId === b.bootId &&
    a.versionMin === b.versionMin &&
    a.versionMax === b.versionMax &&
    a.state === b.state &&
    a.outageNumber === b.outageNumber &&
    a.settingsVersion === b.settingsVersion &&
    a.epoch === b.epoch &&
    a.probationMs === b.probationMs &&
    a.intervalMs === b.intervalMs &&
    a.hearsUs === b.hearsUs &&
    a.lunAges.length === b.lunAges.length &&
    a.lunAges.every((age, i) => age.lun === b.lunAges[i]?.lun)
  );
}

function randomNonce(): bigint {
  return randomBytes(8).readBigUInt64BE() || 1n;
}

if (parentPort) {
  raiseThreadPriority();
  new HeartbeatReceiver(parentPort, workerData as ThreadData);
}
