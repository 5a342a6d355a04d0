/**
 * The heartbeat sender thread (SPEC H1, H3): sends a message every T2, and between messages watches the age of what the
 * receiver heard, marking the elements closed when it passes T1. It shares nothing with threads that serve I/O but memory.
 */
import type { Socket } from "node:dgram";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns";
import { isIP } from "node:net";
import type { MessagePort } from "node:worker_threads";
import { parentPort, workerData } from "node:worker_threads";
import type { Heartbeat, Mac } from "../heartbeat/index.ts";
import {
  encodeHeartbeat,
  InterruptionDetector,
  MAX_DATAGRAM_BYTES,
  missedSince,
  nextCheckMs,
  sendDueMs,
  sendIntervalMs,
  silenceThresholdMs,
} from "../heartbeat/index.ts";
import { ConnectionArray } from "./connection-array.ts";
import { heartbeatMac } from "./heartbeat-mac.ts";
import type { HeartbeatNotes } from "./heartbeat-notes.ts";
import { readNotes } from "./heartbeat-notes.ts";
import type {
  InterruptedEvent,
  Published,
  ThreadCommand,
  ThreadData,
  ThreadPeer,
  ThreadReport,
} from "./heartbeat-protocol.ts";
import { monotonicMs } from "./monotonic-clock.ts";
import { raiseThreadPriority } from "./thread-priority.ts";

/** How long a looked-up address is used before the name is looked up again. */
const LOOKUP_MS = 60_000;
const LOOKUP_RETRY_MS = 1_000;

class HeartbeatSender {
  readonly #port: MessagePort;
  readonly #array: ConnectionArray;
  readonly #versions: { min: number; max: number };
  readonly #detector = new InterruptionDetector();
  readonly #datagram = Buffer.alloc(MAX_DATAGRAM_BYTES);
  #published: Published;
  #peer: ThreadPeer | null = null;
  #mac: Mac | null = null;
  #address: { host: string; family: 4 | 6 } | null = null;
  #lookupAtMs = 0;
  #lookupRunning = false;
  #socket: { socket: Socket; family: 4 | 6 } | null = null;
  /** The link's state, its number, or whether the peer is heard has changed since the last message. */
  #hasNews = false;
  #sentAtMs = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(port: MessagePort, data: ThreadData) {
    this.#port = port;
    this.#array = ConnectionArray.attach(data.buffer);
    this.#versions = data.versions;
    this.#published = data.published;
    port.on("message", (command: ThreadCommand) => this.#obey(command));
    this.#setPeer(data.peer);
  }

  #obey(command: ThreadCommand): void {
    if (command.type === "peer") this.#setPeer(command.peer);
    else if (command.type === "publish") this.#publish(command.published);
    else this.#tick();
  }

  #publish(published: Published): void {
    const { state, outageNumber } = this.#published;
    this.#published = published;
    if (published.state === state && published.outageNumber === outageNumber) return;
    this.#hasNews = true;
    this.#tick();
  }

  #setPeer(peer: ThreadPeer | null): void {
    this.#peer = peer;
    this.#mac = peer && heartbeatMac(peer.key);
    this.#detector.reset();
    this.#address = null;
    this.#lookupAtMs = 0;
    this.#sentAtMs = 0;
    this.#tick();
  }

  /** Sends when it is time, looks at the ages, and sets the timer for what comes first. */
  #tick(): void {
    if (this.#timer) clearTimeout(this.#timer);
    const notes = readNotes(this.#array.notes);
    const { settings } = this.#array.settings();
    const peerIntervalMs = this.#peer ? notes.peerIntervalMs : 0;
    const thresholdMs = silenceThresholdMs(settings.t1, settings.t2, peerIntervalMs);
    const intervalMs = sendIntervalMs(settings.t2, peerIntervalMs);
    const heard = this.#detector.state;
    this.#check(thresholdMs, settings.t2, settings.t3, Math.max(settings.t2, peerIntervalMs));
    if (this.#detector.state !== heard) this.#hasNews = true;
    const nowMs = monotonicMs();
    const dueMs = this.#sentAtMs === 0 ? nowMs : sendDueMs(this.#sentAtMs, nowMs, intervalMs);
    // What the peer waits for is said at once, beside the grid of T2.
    if (dueMs > this.#sentAtMs || this.#hasNews) {
      this.#sentAtMs = dueMs;
      this.#hasNews = false;
      this.#send(notes, settings.t2);
    }
    const wakeAtMs = nextCheckMs(
      nowMs,
      this.#sentAtMs + intervalMs,
      this.#peer && this.#detector.deadlineMs(this.#array.armedAtMs, thresholdMs),
      intervalMs,
    );
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, Math.ceil(wakeAtMs - monotonicMs())));
  }

  #check(thresholdMs: number, intervalMs: number, stuckMs: number, peerIntervalMs: number): void {
    const array = this.#array;
    const drainedRunMs = array.drainedRunMs;
    const lastHeardAtMs = this.#peer ? array.lastHeardMs : 0;
    const lastHeardRunMs = array.lastHeardRunMs;
    const nowMs = monotonicMs();
    const verdict = this.#detector.check({
      nowMs,
      drainedRunMs,
      lastHeardAtMs,
      lastHeardRunMs,
      armedRunMs: this.#peer ? array.armedRunMs : 0,
      thresholdMs,
      intervalMs,
      stuckMs,
    });
    if (verdict.receiverStuck) this.#report({ type: "receiver-stuck" });
    if (verdict.change === "heard") {
      this.#report({ type: "event", event: { type: "heard", at: lastHeardAtMs, direction: "in" } });
    }
    array.setMissed(
      "silentMissed",
      lastHeardAtMs === 0 ? 0 : missedSince(lastHeardRunMs, drainedRunMs, peerIntervalMs),
    );
    if (this.#detector.state !== "silent") return;
    const epoch = array.epoch;
    const marked = this.#markAll(epoch);
    if (verdict.change !== "interrupted" && !marked) return;
    const event: InterruptedEvent = {
      type: "interrupted",
      at: nowMs,
      lastHeardAt: lastHeardAtMs === 0 ? null : lastHeardAtMs,
      reason: verdict.reason,
      direction: "in",
      epoch,
    };
    this.#report({ type: "event", event });
  }

  /** Every element's timestamp is that of the last heartbeat, so all are too old at once. True when one was open. */
  #markAll(epoch: number): boolean {
    let marked = false;
    for (let i = 0; i < this.#array.count; i++) {
      marked = this.#array.out.mark(i, epoch, "silence") || marked;
      marked = this.#array.in.mark(i, epoch, "silence") || marked;
    }
    return marked;
  }

  #send(notes: HeartbeatNotes, intervalMs: number): void {
    const peer = this.#peer;
    const mac = this.#mac;
    if (!peer || !mac) return;
    this.#resolve(peer);
    if (!this.#address || monotonicMs() < this.#array.silencedUntilMs) return;
    const socket = this.#openSocket(this.#address.family);
    const message = this.#compose(notes, intervalMs);
    const length = encodeHeartbeat(this.#datagram, message, peer.sender, peer.direction, mac);
    // An unreachable network is silence for the peer; here it is only a message that was not sent.
    socket.send(this.#datagram.subarray(0, length), peer.port, this.#address.host, (error) => {
      if (!error) this.#array.add("sent", 1);
    });
  }

  #compose(notes: HeartbeatNotes, intervalMs: number): Heartbeat {
    const array = this.#array;
    const epoch = array.epoch;
    const nowMs = monotonicMs();
    const { bootId } = notes;
    return {
      versionMin: this.#versions.min,
      versionMax: this.#versions.max,
      bootId: array.bootId,
      counter: array.nextCounter(),
      sentAtUs: Math.round(nowMs * 1000),
      echo: bootId === null ? null : echoOf(bootId, notes, nowMs),
      intervalMs,
      challenge: notes.challenge,
      answers: notes.answers,
      state: this.#published.state,
      hears: this.#detector.state === "hearing",
      outageNumber: this.#published.outageNumber,
      settingsVersion: this.#published.settingsVersion,
      epoch,
      closedOut: array.marks("out", epoch, "silence"),
      closedIn: array.marks("in", epoch, "silence"),
      probationMs: this.#published.probationMs,
      lossIn: notes.lossIn,
      lunAges: this.#published.unanswered.map(({ lun, sinceMs }) => ({
        lun,
        ageMs: nowMs - sinceMs,
      })),
    };
  }

  #openSocket(family: 4 | 6): Socket {
    if (this.#socket?.family === family) return this.#socket.socket;
    this.#socket?.socket.close();
    const socket = createSocket(family === 6 ? "udp6" : "udp4");
    socket.on("error", () => {
      socket.close();
      if (this.#socket?.socket === socket) this.#socket = null;
    });
    this.#socket = { socket, family };
    return socket;
  }

  /** Keeps the last address while a look-up runs or fails: the peer may well still be there. */
  #resolve(peer: ThreadPeer): void {
    const family = isIP(peer.host);
    if (family === 4 || family === 6) {
      this.#address = { host: peer.host, family };
      return;
    }
    if (this.#lookupRunning || monotonicMs() < this.#lookupAtMs) return;
    this.#lookupRunning = true;
    lookup(peer.host, (error, address, found) => {
      this.#lookupRunning = false;
      this.#lookupAtMs = monotonicMs() + (error ? LOOKUP_RETRY_MS : LOOKUP_MS);
      if (!error && this.#peer === peer)
        this.#address = { host: address, family: found === 6 ? 6 : 4 };
    });
  }

  #report(report: ThreadReport): void {
    this.#port.postMessage(report);
  }
}

function echoOf(bootId: bigint, notes: HeartbeatNotes, nowMs: number): Heartbeat["echo"] {
  const heldUs = Math.max(0, Math.round((nowMs - notes.receivedAtMs) * 1000));
  return { bootId, counter: notes.counter, sentAtUs: notes.sentAtUs, heldUs };
}

if (parentPort) {
  raiseThreadPriority();
  new HeartbeatSender(parentPort, workerData as ThreadData);
}
