/**
 * The data path's main thread, put together: the LUNs, the link, the workers and connection threads, the portals and the
 * local socket, each made here once and given what it needs of the others.
 */
import { randomBytes, randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import {
  ConnectionArray,
  type Heartbeats,
  monotonicMs,
  startHeartbeats,
} from "@lockstep/engine/io";
import { PORTAL_GROUP_TAG, Portal } from "@lockstep/iscsi";
import {
  type Actor,
  DEFAULT_LINK_SETTINGS,
  formatHostPort,
  PROTOCOL_VERSIONS,
  parseHostPort,
  type ServeOptions,
  ServerId,
  type Status,
  VERSION,
} from "@lockstep/model";
import { commandHandlers } from "./command-handlers.ts";
import { EventLog } from "./event-log.ts";
import { Connector } from "./link/connector.ts";
import { checkVersions, controlHandlers, ownHello } from "./link/control-handlers.ts";
import type { LunNotice } from "./link/control-messages.ts";
import { ControlServer } from "./link/control-server.ts";
import { LinkKeeper, noPeer } from "./link/link-keeper.ts";
import { Pairing } from "./link/pairing.ts";
import { StrangerLog } from "./link/stranger-log.ts";
import { LocalSocket } from "./local-socket.ts";
import { LunKeeper } from "./luns/lun-keeper.ts";
import { LunTable } from "./luns/lun-table.ts";
import { OutageKeeper } from "./luns/outage-keeper.ts";
import { PeerLuns } from "./luns/peer-luns.ts";
import { OutageLog } from "./outage-log.ts";
import { LinkRecord, LunTableRecord, ServerRecord } from "./records.ts";
import { StableFile } from "./stable-file.ts";
import { SYSTEM, type TellEvent } from "./tell-event.ts";
import { ConnectionThreads } from "./threads/connection-threads.ts";
import type { WorkerReport } from "./threads/messages.ts";
import { Workers } from "./threads/workers.ts";

/** Live figures (ages of timestamps, rates) are told to subscribers this often; each takes what it asked for. */
const LIVE_INTERVAL_MS = 250;

export class Appliance {
  readonly options: ServeOptions;
  readonly server: ServerRecord;
  readonly events: EventLog;
  readonly outages: OutageLog;
  readonly startedAt = new Date().toISOString();
  luns!: LunKeeper;
  peerLuns!: PeerLuns;
  link!: LinkKeeper;
  pairing!: Pairing;
  connector!: Connector;
  private workers!: Workers;
  private threads!: ConnectionThreads;
  private portal!: Portal;
  private control!: ControlServer;
  private outageKeeper!: OutageKeeper;
  private local: LocalSocket | null = null;
  private readonly listeners = new Set<() => void>();
  private timer: NodeJS.Timeout | null = null;
  private readonly portals: string[];
  private readonly strangers: StrangerLog;

  private constructor(options: ServeOptions, server: ServerRecord) {
    this.options = options;
    this.server = server;
    this.events = new EventLog(path.join(options.data, "events"));
    this.outages = new OutageLog(path.join(options.data, "outages.json"));
    this.portals = options.iscsi.map((text) => this.advertised(text));
    this.strangers = new StrangerLog((message) =>
      this.event("stranger", "warning", SYSTEM, "link", message, null, null),
    );
  }

  /** Starts everything; hosts can log in and the local socket answers when it resolves. */
  static async start(options: ServeOptions): Promise<Appliance> {
    const file = new StableFile(path.join(options.data, "server.json"), ServerRecord, {
      copies: 2,
    });
    const known = await file.read();
    const server = { uuid: known?.uuid ?? ServerId.parse(randomUUID()), name: options.name };
    if (known?.name !== server.name) await file.save(server);
    const appliance = new Appliance(options, server);
    await appliance.build();
    return appliance;
  }

  status(): Status {
    const supervisor = this.local?.process("supervisor") ?? null;
    const backend = this.local?.process("backend") ?? null;
    return {
      server: {
        name: this.server.name,
        uuid: this.server.uuid,
        version: VERSION,
        startedAt: this.startedAt,
        restartNeeded: supervisor?.restartNeeded ?? false,
      },
      link: this.link.view(),
      luns: this.luns.views(),
      processes: {
        supervisor: supervisor?.pid ?? null,
        datapath: process.pid,
        backend: backend?.pid ?? null,
        database: backend?.databasePid ?? null,
      },
      database: backend?.database ?? null,
    };
  }

  /** Called whenever anything of the status changed. Returns how to stop. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  readonly event: TellEvent = (kind, severity, actor, subject, message, before, after) => {
    this.events.append({ kind, severity, actor, subject, message, before, after });
  };

  /** The peer is forgotten, here or on its word. */
  async removePeer(actor: Actor): Promise<void> {
    const { peer } = this.link.view();
    if (peer === null) return;
    await this.link.unpair();
    this.event(
      "peer-removed",
      "warning",
      actor,
      "link",
      `${peer.name} is no longer the peer`,
      peer,
      null,
    );
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.portal.close();
    this.event("server-stopped", "info", SYSTEM, "server", `${this.server.name} stops`, null, null);
    await this.workers.shrink(0);
    this.control.hangUp("the data path stops", true);
    await this.link.close();
    await this.local?.close();
    this.outages.close();
    this.events.close();
  }

  private async build(): Promise<void> {
    const { data } = this.options;
    fs.mkdirSync(path.join(data, "luns"), { recursive: true, mode: 0o700 });
    const linkFile = new StableFile(path.join(data, "link.json"), LinkRecord, { copies: 2 });
    const lunFile = new StableFile(path.join(data, "luns.json"), LunTableRecord, { copies: 2 });
    const record = (await linkFile.read()) ?? {
      peer: null,
      settings: DEFAULT_LINK_SETTINGS,
      settingsVersion: 1,
      outageNumber: 0,
    };
    const table = (await lunFile.read()) ?? { luns: [] };
    const array = ConnectionArray.create(
      randomBytes(8).readBigUInt64LE() | 1n,
      record.settings,
      record.settingsVersion,
    );
    const kernelBootId = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    this.makeWorkers(array, kernelBootId, record.settings.connections);
    this.makeLuns(table, lunFile);
    await this.makeLink(array, kernelBootId, record, linkFile);
    await this.luns.open();
    await this.control.listen();
    await this.portal.listen();
    this.local = await LocalSocket.listen({
      dataFolder: data,
      handlers: commandHandlers(this),
      snapshot: () => this.status(),
      events: this.events,
      outages: this.outages,
      arrived: () => this.changed(),
      gone: () => this.changed(),
      failed: (error) => console.error(error),
    });
    this.event("server-started", "info", SYSTEM, "server", `${this.server.name} began`, null, null);
    this.link.begin(this.connector);
    this.timer = setInterval(() => this.local?.changed(), LIVE_INTERVAL_MS);
  }

  private makeWorkers(array: ConnectionArray, kernelBootId: string, count: number): void {
    this.workers = new Workers({
      array: array.buffer,
      kernelBootId,
      portals: this.portals.map((portal) => `${portal},${PORTAL_GROUP_TAG}`),
      report: (index, report) => this.workerReport(index, report),
      died: (_index, error) => {
        throw error;
      },
    });
    this.workers.grow(count);
    this.portal = new Portal({
      listen: this.options.iscsi.map(parseHostPort),
      catalogue: () =>
        this.luns.targets().map((iqn) => ({
          iqn,
          portals: this.portals.map((portal) => `${portal},${PORTAL_GROUP_TAG}`),
        })),
      onLogin: (handoff) => void this.luns.route(handoff),
    });
  }

  private makeLuns(record: LunTableRecord, file: StableFile<LunTableRecord>): void {
    this.outageKeeper = new OutageKeeper({
      log: this.outages,
      server: this.server.name,
      peer: () => this.link.peer?.name ?? null,
      event: (kind, severity, lun, message) =>
        this.event(kind, severity, SYSTEM, lun, message, null, null),
    });
    const changed = () => this.changed();
    const server = () => this.server.name;
    const table = new LunTable({
      dataFolder: this.options.data,
      records: record.luns,
      save: (luns) => file.save({ luns }),
      server,
      changed,
    });
    const { event } = this;
    const notify = (notice: LunNotice) => this.connector.channel?.notify(notice);
    this.peerLuns = new PeerLuns({ table, server, notify, event, changed });
    this.luns = new LunKeeper({
      table,
      workers: this.workers,
      around: () => ({
        server: this.server.name,
        portals: this.portals,
        linkState: this.link.state,
      }),
      noPeer: () => (this.link.peer === null ? noPeer() : null),
      offer: async (offer) => {
        await this.connector.channel?.request("lun.offer", offer);
      },
      notify,
      forgetCopy: (uuid) => this.threads.forget(uuid),
      event,
      outage: (entry, facts) => this.outageKeeper.take(entry.record.name, facts),
      changed,
    });
  }

  private async makeLink(
    array: ConnectionArray,
    kernelBootId: string,
    record: LinkRecord,
    file: StableFile<LinkRecord>,
  ): Promise<void> {
    const mirror = parseHostPort(this.options.mirror);
    const heartbeat = parseHostPort(this.options.heartbeat);
    this.threads = new ConnectionThreads({
      array,
      kernelBootId,
      host: mirror.host,
      self: this.server.uuid,
      copyOf: (uuid) => this.peerLuns.copyOf(uuid),
      report: (report) => {
        if (report.report === "stranger") this.knocked(report.from, report.reason);
        if (report.report === "event") {
          this.event(report.kind, report.severity, SYSTEM, report.lun, report.message, null, null);
        }
      },
      changed: () => this.link.connectionsChanged(),
    });
    const heartbeats: Heartbeats = await startHeartbeats({
      array,
      uuid: this.server.uuid,
      bind: heartbeat,
      versions: PROTOCOL_VERSIONS,
      on: (event) => {
        if (event.type === "rejected") {
          this.heartbeatsDropped(event.counts, event.lastFrom);
        } else if (event.type === "trouble") {
          console.error(`heartbeat ${event.thread}: ${event.problem}`);
        } else {
          this.link.heartbeat(event);
        }
      },
    });
    this.link = new LinkKeeper({
      array,
      heartbeats,
      threads: this.threads,
      workers: this.workers,
      record,
      save: (value) => file.save(value),
      evacuate: (count) => this.luns.evacuate(count),
      stateChanged: (state, cause) => {
        if (state !== "up") this.peerLuns.forgetNotices();
        const why = cause === null ? "" : ` (${cause})`;
        const severity = state === "interrupted" ? "warning" : "info";
        this.event(
          "link-state",
          severity,
          SYSTEM,
          "link",
          `the link is ${state}${why}`,
          null,
          null,
        );
        if (state === "up") this.peerLuns.notifyAll();
      },
      settingsChanged: (before, after, actor) => {
        const message = "the link's settings were changed";
        this.event("link-settings", "info", actor, "link", message, before, after);
      },
      changed: () => this.changed(),
    });
    this.makeControl(array, mirror, heartbeat.port);
  }

  private makeControl(
    array: ConnectionArray,
    mirror: ReturnType<typeof parseHostPort>,
    heartbeatPort: number,
  ): void {
    const wildcard = mirror.host === "0.0.0.0" || mirror.host === "::";
    this.pairing = new Pairing({
      self: {
        uuid: this.server.uuid,
        name: this.server.name,
        host: this.options.advertise ?? (wildcard ? null : mirror.host),
        mirrorPort: mirror.port,
        heartbeatPort,
      },
      outageNumber: () => this.link.outageNumber,
      obstacle: () => this.link.pairingObstacle(),
      paired: async (record, outageNumber, actor) => {
        await this.link.pair(record, outageNumber);
        const { peer } = this.link.view();
        const message = `${record.name} is the peer now`;
        this.event("peer-joined", "info", actor, "link", message, null, peer);
      },
    });
    this.connector = new Connector({
      self: this.server.uuid,
      array,
      workers: this.workers,
      hello: () => ownHello(this.server.name, this.link),
      met: async (hello) => {
        checkVersions(hello);
        await this.link.met(hello);
      },
      offers: () => this.peerLuns.offers(),
      offered: (uuid, failure) => this.peerLuns.offered(uuid, failure),
      arm: (epoch) => this.link.arm(epoch),
      ready: () => this.peerLuns.notifyAll(),
      trouble: (message) => console.error(`connecting: ${message}`),
      flap: (index, reason) =>
        this.event(
          "connection-flap",
          "warning",
          SYSTEM,
          "link",
          `connection ${index} broke (${reason}) and is being made again`,
          null,
          null,
        ),
      changed: () => this.link.connectionsChanged(),
    });
    this.control = new ControlServer({
      address: mirror,
      self: this.server.uuid,
      admit: (purpose, from) =>
        purpose === "pair" ? this.pairing.admit(Date.now()) : this.link.admit(from),
      handlers: controlHandlers({
        server: this.server.name,
        link: this.link,
        luns: this.peerLuns,
        pairing: this.pairing,
        unpaired: () => this.removePeer({ who: "system", from: this.link.peer?.name ?? "peer" }),
      }),
      notice: (lun) => this.peerLuns.notice(lun),
      stranger: (from, reason) => this.knocked(from, reason),
    });
  }

  private workerReport(index: number, report: WorkerReport): void {
    if (report.report === "lun") this.luns.facts(report.facts);
    else if (report.report === "session") void this.luns.route(report.handoff);
    else if (report.report === "event") {
      this.event(report.kind, report.severity, SYSTEM, report.lun, report.message, null, null);
    } else {
      this.connector.workerConnection(index, report.epoch, report.open, report.reason);
    }
  }

  /** While there is no peer, whoever still sends heartbeats is counted only: it may be the one who was just removed. */
  private heartbeatsDropped(counts: Readonly<Record<string, number>>, from: string): void {
    const { unpaired: _unpaired, ...others } = counts;
    const reasons = Object.entries(others).map(([reason, count]) => `${count} ${reason}`);
    if (reasons.length === 0) return;
    const message = `heartbeats dropped (${reasons.join(", ")})`;
    this.strangers.knocked(monotonicMs(), from, message);
  }

  private knocked(from: string, reason: string): void {
    this.link.countStranger();
    this.strangers.knocked(monotonicMs(), from, reason);
    this.changed();
  }

  private changed(): void {
    this.local?.changed();
    for (const listener of this.listeners) listener();
  }

  private advertised(text: string): string {
    const { host, port } = parseHostPort(text);
    const wildcard = host === "0.0.0.0" || host === "::";
    const told = this.options.advertise ?? (wildcard ? "127.0.0.1" : host);
    return formatHostPort({ host: told, port });
  }
}
