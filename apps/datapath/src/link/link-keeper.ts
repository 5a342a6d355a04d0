/**
 * Keeps the link (SPEC L1-L6, H1-H5, O1, O5): runs the pure link machine over what heartbeats, peer and operators say, and
 * carries its effects out on threads, sockets and the stable record.
 */
import { type LinkEffect, type LinkEvent, LinkMachine } from "@lockstep/engine";
import {
  type ConnectionArray,
  type HeartbeatEvent,
  type Heartbeats,
  type InterruptedEvent,
  keyedHash,
  monotonicMs,
} from "@lockstep/engine/io";
import {
  type Actor,
  Failure,
  formatHostPort,
  type HeartbeatFigures,
  type Link,
  LinkSettings,
  type LinkSettingsPatch,
  type OutageCause,
} from "@lockstep/model";
import type { LinkRecord, PeerRecord } from "../records.ts";
import type { ConnectionThreads } from "../threads/connection-threads.ts";
import type { Workers } from "../threads/workers.ts";
import type { Connector } from "./connector.ts";
import type { Hello } from "./control-messages.ts";

export interface LinkKeeperOptions {
  array: ConnectionArray;
  heartbeats: Heartbeats;
  threads: ConnectionThreads;
  workers: Workers;
  record: LinkRecord;
  /** Makes the record stable. */
  save(record: LinkRecord): Promise<void>;
  /** Moves LUNs off the workers from `count` on. */
  evacuate(count: number): Promise<void>;
  stateChanged(state: Link["state"], cause: OutageCause | null): void;
  settingsChanged(before: LinkSettings, after: LinkSettings, actor: Actor): void;
  changed(): void;
}

/** A request for connections waits at most so long until this server's probation is over as well. */
const READY_WAIT_MS = 3000;

const CAUSES = {
  silence: "silence",
  told: "one-way",
  "receiver-stuck": "silence",
  "peer-restart": "peer-restart",
} as const satisfies Record<string, OutageCause>;

export class LinkKeeper {
  private readonly options: LinkKeeperOptions;
  private readonly machine: LinkMachine;
  private record: LinkRecord;
  private connector: Connector | null = null;
  private timer: NodeJS.Timeout | null = null;
  private peerRelease: string | null = null;
  private armedEpoch = 0;
  private arming: Promise<void> = Promise.resolve();
  private threadsEpoch = 0;
  private starting: Promise<number[]> | null = null;
  /** Requests of the peer that wait for this server to be ready; each says whether it is over. */
  private waiting: (() => boolean)[] = [];
  private strangers = 0;
  /** When a silence of the peer is a drill, monotonic ms. */
  private rehearsal: { from: number; until: number } | null = null;
  private lastCause: OutageCause | null = null;
  private closing = false;

  constructor(options: LinkKeeperOptions) {
    this.options = options;
    this.record = options.record;
    this.machine = new LinkMachine(options.record.outageNumber);
  }

  /** The connector is made after this one, because each needs the other. */
  begin(connector: Connector): void {
    this.connector = connector;
    const { peer } = this.record;
    if (peer === null) return;
    this.usePeer(peer);
    this.step({ type: "started" });
  }

  get peer(): PeerRecord | null {
    return this.record.peer;
  }

  get state(): Link["state"] {
    return this.machine.state;
  }

  get settings(): LinkSettings {
    return this.record.settings;
  }

  get outageNumber(): number {
    return this.machine.outageNumber;
  }

  countStranger(): void {
    this.strangers++;
  }

  view(): Link {
    const { array } = this.options;
    const { peer, settings, settingsVersion } = this.record;
    const now = monotonicMs();
    const until = array.silencedUntilMs;
    return {
      state: this.machine.state,
      peer:
        peer === null
          ? null
          : {
              name: peer.name,
              uuid: peer.uuid,
              address: formatHostPort({ host: peer.host, port: peer.mirrorPort }),
              version: this.peerRelease,
            },
      settings,
      settingsVersion,
      outageNumber: this.machine.outageNumber,
      probationMs: this.machine.probationMs(now),
      drillMs: until > now ? until - now : null,
      connections: peer === null ? [] : array.elements("out", now),
      incoming: peer === null ? [] : array.elements("in", now),
      heartbeat: this.heartbeatFigures(now),
      strangers: this.strangers,
    };
  }

  /** Of a peer that is silent, round trip and losses are unknown: what was measured last is no news of it. */
  private heartbeatFigures(now: number): HeartbeatFigures {
    const figures = this.options.array.figures();
    const { t1 } = this.record.settings;
    if (now - this.options.array.lastHeardMs <= t1) return figures;
    return { ...figures, rttMs: null, jitterMs: null, lossIn: null, lossOut: null };
  }

  // --- heartbeats ---------------------------------------------------------------------------------------------------

  heartbeat(event: HeartbeatEvent): void {
    if (this.closing) return;
    if (event.type === "heard") {
      if (event.direction === "in") this.step({ type: "heard" });
    } else if (event.type === "peer") {
      const { state, outageNumber, hearsUs } = event.peer;
      this.step({ type: "peer", peer: { state, outageNumber, hearsUs } });
    } else if (event.type === "interrupted") {
      const begunAt = event.lastHeardAt ?? event.at;
      const cause = this.isRehearsed(event, begunAt) ? "drill" : CAUSES[event.reason];
      this.step({ type: "interrupted", cause, begunAt, detectedAt: event.at });
    }
  }

  /** Silences this server's heartbeats for so long (SPEC O8), after the peer was told; 0 ends it. */
  async drill(seconds: number): Promise<void> {
    // A peer that can't be told takes the silence for a real one, which is what is rehearsed.
    await this.connector?.channel?.request("drill", { seconds }).catch(() => undefined);
    this.options.heartbeats.silence(seconds);
    this.options.changed();
  }

  /** The peer rehearses a silence from now on. */
  peerDrill(seconds: number): void {
    const now = monotonicMs();
    this.rehearsal = { from: now - this.record.settings.t1, until: now + seconds * 1000 };
  }

  private isRehearsed(event: InterruptedEvent, begunAt: number): boolean {
    if (event.reason === "told") return this.options.array.silencedUntilMs > monotonicMs();
    if (event.reason !== "silence" || this.rehearsal === null) return false;
    return begunAt >= this.rehearsal.from && begunAt <= this.rehearsal.until;
  }

  /** Why no pairing is possible now; null when it is. */
  pairingObstacle(): Failure | null {
    const { peer } = this.record;
    if (peer === null) return null;
    return new Failure(
      "refused",
      `${peer.name} is the peer already`,
      "run `lockstep peer remove` first",
    );
  }

  // --- pairing ------------------------------------------------------------------------------------------------------

  async pair(peer: PeerRecord, outageNumber: number): Promise<void> {
    await this.save({ ...this.record, peer });
    this.usePeer(peer);
    this.step({ type: "paired", outageNumber });
  }

  async unpair(): Promise<void> {
    this.step({ type: "unpaired" });
    this.connector?.stop("the pairing was removed", true);
    this.options.heartbeats.setPeer(null);
    this.peerRelease = null;
    await this.save({ ...this.record, peer: null });
    this.options.changed();
  }

  private usePeer(peer: PeerRecord): void {
    this.options.heartbeats.setPeer({
      host: peer.host,
      port: peer.heartbeatPort,
      uuid: peer.uuid,
      key: Buffer.from(peer.secret, "hex"),
    });
  }

  // --- settings -----------------------------------------------------------------------------------------------------

  async set(patch: LinkSettingsPatch, actor: Actor): Promise<void> {
    const given = Object.fromEntries(
      Object.entries(patch).filter(([, value]) => value !== undefined),
    );
    const parsed = LinkSettings.safeParse({ ...this.record.settings, ...given });
    if (!parsed.success)
      throw new Failure("usage", parsed.error.issues[0]?.message ?? "wrong settings");
    const settings = parsed.data;
    const version = this.record.settingsVersion + 1;
    const channel = this.connector?.channel ?? null;
    const reshaped = settings.connections !== this.record.settings.connections;
    if (channel !== null) await channel.request("settings", { settings, version });
    await this.adoptSettings(settings, version, actor);
    if (!reshaped || this.machine.state !== "up" || channel === null) return;
    const outageNumber = this.machine.outageNumber + 1;
    await this.options.evacuate(settings.connections);
    this.step({ type: "reshape-asked", outageNumber });
    try {
      await channel.request("reshape", { outageNumber });
      this.step({ type: "reshape", outageNumber });
    } finally {
      this.step({ type: "reshape-asked", outageNumber: null });
    }
  }

  /** Takes settings over where their version is higher; stable when it resolves. */
  async adoptSettings(settings: LinkSettings, version: number, actor: Actor): Promise<void> {
    if (version <= this.record.settingsVersion) return;
    const before = this.record.settings;
    await this.save({ ...this.record, settings, settingsVersion: version });
    this.options.array.setSettings(settings, version);
    this.options.heartbeats.publish({ settingsVersion: version });
    this.options.workers.tellAll({ note: "settings" });
    this.options.settingsChanged(before, settings, actor);
    this.step({ type: "tick" });
    this.options.changed();
  }

  async met(hello: Hello): Promise<void> {
    this.peerRelease = hello.release;
    const actor: Actor = { who: "system", from: hello.name };
    await this.adoptSettings(hello.settings, hello.settingsVersion, actor);
  }

  /** The peer asks to make connections anew under a number. */
  async reshape(outageNumber: number): Promise<void> {
    await this.options.evacuate(this.record.settings.connections);
    this.step({ type: "reshape", outageNumber });
  }

  // --- connections --------------------------------------------------------------------------------------------------

  /** Arms the connection arrays for the epoch; resolves with n. */
  async arm(epoch: number): Promise<number> {
    this.arming = this.arming.then(async () => {
      if (epoch <= this.armedEpoch) return;
      const count = this.record.settings.connections;
      await this.options.evacuate(count);
      this.options.workers.grow(count);
      await this.options.workers.shrink(count);
      this.armedEpoch = epoch;
      this.options.heartbeats.arm({ count, epoch });
    });
    await this.arming;
    return this.options.array.count;
  }

  /** The peer asks for the connection threads of an epoch. */
  async ports(epoch: number): Promise<number[]> {
    await this.whenReady(epoch);
    const { peer } = this.record;
    if (peer === null) throw notReady();
    const count = await this.arm(epoch);
    if (this.threadsEpoch === epoch && this.starting !== null) await this.starting.catch(() => []);
    this.threadsEpoch = epoch;
    const secret = Buffer.from(peer.secret, "hex");
    this.starting = this.options.threads.start(count, epoch, peer.uuid, secret);
    return this.starting;
  }

  private isReady(epoch: number): boolean {
    const { state, publishedNumber, outageNumber } = this.machine;
    const isPresent = epoch === publishedNumber && epoch === outageNumber;
    return isPresent && (state === "connecting" || state === "up");
  }

  /** The peer's probation may end a moment before this server's: its request waits for that, not for a retry. */
  private async whenReady(epoch: number): Promise<void> {
    if (this.isReady(epoch)) return;
    await new Promise<void>((resolve) => {
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        resolve();
      }, READY_WAIT_MS);
      this.waiting.push(() => {
        if (!timedOut && !this.isReady(epoch)) return false;
        clearTimeout(timer);
        resolve();
        return true;
      });
    });
    if (!this.isReady(epoch)) throw notReady();
  }

  /** The peer's worker lost its connection: a new thread for the element, once the old one has exited (L5). */
  async reopen(epoch: number, index: number): Promise<number> {
    const { peer } = this.record;
    const { array, threads } = this.options;
    const ready = this.isReady(epoch) && epoch === this.armedEpoch && index < array.count;
    if (peer === null || !ready) throw notReady();
    array.in.mark(index, epoch, "broken");
    const port = await threads.restart(index, epoch, peer.uuid, Buffer.from(peer.secret, "hex"));
    array.in.reopen(index, epoch);
    return port;
  }

  /** A connection of either direction was made or lost. */
  connectionsChanged(): void {
    const { array, threads } = this.options;
    const count = array.count;
    const all =
      this.connector?.allOpen(this.armedEpoch, count) &&
      threads.allConnected(this.armedEpoch, count);
    if (all && this.armedEpoch === this.machine.outageNumber) this.step({ type: "connected" });
    this.options.changed();
  }

  /** The keyed hash by which the peer proves itself on the control channel. */
  admit(from: string): ReturnType<typeof keyedHash> | null {
    const { peer } = this.record;
    if (peer === null || peer.uuid !== from) return null;
    return keyedHash(Buffer.from(peer.secret, "hex"), "control");
  }

  async close(): Promise<void> {
    this.closing = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.connector?.stop("the data path stops", true);
    await this.options.threads.closeAll("the data path stops");
    await this.options.heartbeats.close();
  }

  // --- the machine --------------------------------------------------------------------------------------------------

  private step(event: LinkEvent): void {
    if (this.closing) return;
    const now = monotonicMs();
    const effects = this.machine.step(event, now, this.record.settings.probation);
    for (const effect of effects) this.carryOut(effect);
    this.options.heartbeats.publish({
      state: this.machine.state,
      outageNumber: this.machine.publishedNumber,
      probationMs: this.machine.probationMs(now),
    });
    this.schedule(now);
    this.waiting = this.waiting.filter((isOver) => !isOver());
    if (effects.length > 0) this.options.changed();
  }

  private carryOut(effect: LinkEffect): void {
    const { workers, threads } = this.options;
    switch (effect.do) {
      case "persist":
        void this.persist(effect.outageNumber);
        return;
      case "close":
        this.lastCause = effect.cause;
        this.connector?.stop("interrupted", true);
        workers.tellAll({
          note: "interrupted",
          cause: effect.cause,
          begunAt: effect.begunAt,
          detectedAt: effect.detectedAt,
        });
        void threads.closeAll("interrupted");
        return;
      case "hang-up":
        this.connector?.stop("made again", false);
        workers.tellAll({ note: "hang-up", reason: "connections are made again" });
        void threads.closeAll("connections are made again");
        return;
      case "connect":
        if (this.record.peer !== null) this.connector?.start(effect.epoch, this.record.peer);
        return;
      case "state":
        // Until the connections are made, a probation is not over for the LUNs.
        if (effect.state !== "connecting") {
          workers.tellAll({ note: "probation", on: effect.state === "probation" });
        }
        this.options.stateChanged(
          effect.state,
          effect.state === "interrupted" ? this.lastCause : null,
        );
        return;
    }
  }

  private async persist(outageNumber: number): Promise<void> {
    await this.save({ ...this.record, outageNumber });
    this.step({ type: "persisted", outageNumber });
  }

  private save(record: LinkRecord): Promise<void> {
    this.record = record;
    return this.options.save(record);
  }

  private schedule(now: number): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const deadline = this.machine.deadline(this.record.settings.probation);
    if (deadline === null) return;
    this.timer = setTimeout(() => this.step({ type: "tick" }), Math.max(1, deadline - now + 1));
  }
}

function notReady(): Failure {
  return new Failure("unavailable", "not ready for connections yet");
}

/** What the operator is told when a wish needs a peer and there is none. */
export function noPeer(): Failure {
  return new Failure(
    "refused",
    "this server has no peer",
    "run `lockstep peer invite` on one server and `lockstep peer join CODE` on the other",
  );
}
