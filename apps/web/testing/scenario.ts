/**
 * The test server's world: one pair, four LUNs, and a script of link states that runs in a loop: up, silence, queueing,
 * probation (once broken off), replay, healed. Everything the console shows is computed from the script's clock.
 */
import {
  DEFAULT_LINK_SETTINGS,
  type Lun,
  LunId,
  type LunState,
  type Outage,
  type OutagePhaseKind,
  ServerId,
  type Status,
  targetIqn,
} from "@lockstep/model";

const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** Seconds into the loop at which each part begins. */
const script = [
  [0, "up"],
  [26, "silent"],
  [28.1, "interrupted"],
  [40, "probation"],
  [42.4, "interrupted"],
  [46, "probation"],
  [51, "replay"],
  [60, "up"],
] as const;
type Part = (typeof script)[number][1];
const LOOP_S = 110;

function lun(name: string, number: number, sizeBytes: number, part: Partial<Lun>): Lun {
  return {
    name,
    uuid: LunId.parse(`6c1b2f7e-0d4a-4b7a-8f43-0000000000${String(number).padStart(2, "0")}`),
    number: 0,
    sizeBytes,
    role: "primary",
    mode: "sync",
    designated: true,
    policy: "continue",
    state: "mirrored",
    reason: null,
    writeCache: true,
    backing: { kind: "file", path: `/var/lib/lockstep/luns/${name}.img` },
    target: { iqn: targetIqn("alpha", name), portals: ["10.20.0.11:3260", "10.21.0.11:3260"] },
    sessions: [],
    lag: { bytes: 0, ms: 0 },
    journal: { bytes: 0, requests: 0, limitBytes: 8 * GIB },
    dirty: { regions: 0, bytes: 0 },
    progress: null,
    thread: number % 2,
    counters: { reads: 0, readBytes: 0, writes: 0, writeBytes: 0 },
    ...part,
  };
}

const host = (n: number) => ({
  initiator: `iqn.1993-08.org.debian:01:host-${n}`,
  address: `10.20.0.${40 + n}`,
});

export class Scenario {
  status: Status;
  outages = new Map<string, Outage>();
  /** Set by the test: stay in one part instead of running through all. */
  held: Part | null = null;
  #startMs: number;
  #lastTickMs: number;
  #part: Part = "up";
  #partSince: number;
  #lastBeatIn: number;
  #lastBeatOut = 0;
  #loop = 0;
  #queued = 0;
  #drillUntil: number | null = null;

  constructor(nowMs: number) {
    this.#startMs = nowMs;
    this.#lastTickMs = nowMs;
    this.#partSince = nowMs;
    this.#lastBeatIn = nowMs;
    this.status = firstStatus(nowMs);
  }

  /** Advances to `nowMs`; returns the outages that changed. */
  tick(nowMs: number): Outage[] {
    const elapsedS = (nowMs - this.#lastTickMs) / 1000;
    this.#lastTickMs = nowMs;
    this.#choosePart(nowMs);
    this.#beat(nowMs);
    this.#serveHosts(elapsedS, nowMs);
    this.#fillArrays(nowMs, elapsedS);
    return this.#healOrQueue(nowMs, elapsedS);
  }

  drill(seconds: number | null, nowMs: number): void {
    this.#drillUntil = seconds === null ? null : nowMs + seconds * 1000;
  }

  #choosePart(nowMs: number): void {
    const { link } = this.status;
    const loop = ((nowMs - this.#startMs) / 1000) % LOOP_S;
    let part: Part = this.held ?? script.findLast(([from]) => loop >= from)?.[1] ?? "up";
    link.drillMs = null;
    if (this.#drillUntil !== null && nowMs < this.#drillUntil) {
      link.drillMs = this.#drillUntil - nowMs;
      part = nowMs - this.#partSince > 2000 && this.#part !== "up" ? "interrupted" : "silent";
    }
    if (part !== this.#part) {
      if (part === "silent") this.#loop++;
      this.#part = part;
      this.#partSince = nowMs;
    }
    link.state = part === "up" || part === "silent" || part === "replay" ? "up" : part;
    if (link.peer === null) link.state = "unpaired";
    link.probationMs = part === "probation" ? nowMs - this.#partSince : null;
  }

  #beat(nowMs: number): void {
    const { heartbeat, settings, peer } = this.status.link;
    if (peer === null) return;
    const hears = this.#part !== "silent" && this.#part !== "interrupted";
    if (nowMs - this.#lastBeatOut >= settings.t2 && this.status.link.drillMs === null) {
      heartbeat.sent++;
      this.#lastBeatOut = nowMs;
    }
    if (hears && nowMs - this.#lastBeatIn >= settings.t2) {
      heartbeat.received++;
      this.#lastBeatIn = nowMs;
      heartbeat.rttMs = 0.31 + Math.random() * 0.09 + (Math.random() < 0.04 ? 0.6 : 0);
      heartbeat.jitterMs = 0.04 + Math.random() * 0.02;
    }
    if (!hears && (nowMs - this.#partSince) % settings.t2 < 100) heartbeat.missed++;
    heartbeat.lossIn = hears ? 0 : Math.min(1, (nowMs - this.#lastBeatIn) / 50_000);
    heartbeat.lossOut = hears ? 0 : null;
    if (this.#part === "interrupted") heartbeat.rttMs = heartbeat.jitterMs = null;
  }

  #serveHosts(elapsedS: number, nowMs: number): void {
    const load: Record<string, [read: number, write: number]> = {
      db: [14, 22],
      "vm-images": [61, 38],
      archive: [0.4, 3],
      scratch: [0, 9],
    };
    for (const { name, role, counters } of this.status.luns) {
      const [read, write] = role === "mirror" ? [0, 0] : (load[name] ?? [0, 0]);
      const wave = 0.75 + 0.25 * Math.sin(nowMs / 4000 + name.length) + (Math.random() - 0.5) * 0.3;
      counters.readBytes += Math.round(read * MIB * wave * elapsedS);
      counters.writeBytes += Math.round(write * MIB * wave * elapsedS);
      counters.reads += Math.round(read * 120 * elapsedS);
      counters.writes += Math.round(write * 120 * elapsedS);
    }
  }

  #fillArrays(nowMs: number, elapsedS: number): void {
    const { link } = this.status;
    const closed = this.#part === "interrupted" || this.#part === "probation";
    const age = nowMs - this.#lastBeatIn;
    for (const [direction, ports] of [
      ["connections", 40_112],
      ["incoming", 38_214],
    ] as const) {
      link[direction] = Array.from({ length: link.settings.connections }, (_, index) => {
        const before = link[direction][index];
        const flow = closed ? 0 : (direction === "incoming" ? 4.1 : 31) * MIB * elapsedS;
        return {
          index,
          socket: `10.30.0.${direction === "incoming" ? 11 : 12}:${ports + index}`,
          timestampAgeMs: age,
          closed,
          connected: !closed,
          bytes: (before?.bytes ?? 0) + Math.round(flow / (index + 1)),
          inFlight: closed ? 0 : Math.round(Math.random() * 6),
        };
      });
    }
  }

  #healOrQueue(nowMs: number, elapsedS: number): Outage[] {
    const state: Record<Part, LunState> = {
      up: "mirrored",
      silent: "mirrored",
      interrupted: "queueing",
      probation: "probation",
      replay: "replaying",
    };
    const apart = this.#part === "interrupted" || this.#part === "probation";
    this.#queued = apart
      ? this.#queued + 46 * MIB * elapsedS
      : this.#part === "replay"
        ? Math.max(0, this.#queued - 150 * MIB * elapsedS)
        : 0;
    const changed: Outage[] = [];
    for (const one of this.status.luns) {
      if (one.role === "mirror" || !one.designated || one.state === "paused") continue;
      if (one.name === "scratch") continue;
      one.state = state[this.#part];
      one.reason = this.#reason(one);
      const share = one.name === "db" ? 0.35 : 0.65;
      one.journal.bytes = Math.round(this.#queued * share);
      one.journal.requests = Math.round(one.journal.bytes / 24_000);
      one.lag =
        apart || this.#part === "replay"
          ? { bytes: one.journal.bytes, ms: nowMs - this.#lastBeatIn }
          : { bytes: one.mode === "async" ? 262_144 : 0, ms: one.mode === "async" ? 4 : 0 };
      one.progress = this.#part === "replay" ? this.#progress(one) : null;
      const outage = this.#record(one, nowMs);
      if (outage) changed.push(outage);
    }
    return changed;
  }

  #reason(one: Lun): string | null {
    if (this.#part === "interrupted")
      return "No heartbeat from beta for longer than T1; writes go into the journal.";
    if (this.#part === "probation")
      return "Heartbeats are back; replay begins after a clean probation.";
    if (this.#part === "replay")
      return `Sending the journal in order, then ${one.mode === "sync" ? "synchronous" : "asynchronous"} again.`;
    return null;
  }

  #progress(one: Lun): Lun["progress"] {
    const totalBytes = Math.max(
      one.journal.bytes,
      this.outages.get(`${this.#loop}-${one.name}`)?.peakQueue.bytes ?? 1,
    );
    const doneBytes = totalBytes - one.journal.bytes;
    return {
      kind: "replay",
      doneBytes,
      totalBytes,
      etaMs: (one.journal.bytes / (90 * MIB)) * 1000,
    };
  }

  #record(one: Lun, nowMs: number): Outage | null {
    const id = `${this.#loop}-${one.name}`;
    const known = this.outages.get(id);
    if (this.#part === "up") {
      if (!known || known.healedAt !== null) return null;
      return this.#keep({ ...known, healedAt: iso(nowMs), phases: endAll(known, nowMs) });
    }
    if (this.#part === "silent" || typeof known?.healedAt === "string") return null;
    const kinds = { interrupted: "queueing", probation: "probation", replay: "replay" } as const;
    const kind: OutagePhaseKind = kinds[this.#part];
    const base = known ?? this.#begin(id, one, nowMs);
    const running = base.phases.findLast((phase) => phase.endedAt === null);
    const phases =
      running?.kind === kind
        ? base.phases
        : [...endAll(base, nowMs), { kind, at: iso(nowMs), endedAt: null }];
    const peak = Math.max(base.peakQueue.bytes, one.journal.bytes);
    return this.#keep({
      ...base,
      phases,
      peakQueue: { bytes: peak, requests: Math.round(peak / 24_000) },
      healBytes: this.#part === "replay" ? peak - one.journal.bytes : 0,
    });
  }

  #begin(id: string, { name }: Lun, nowMs: number): Outage {
    const begun = this.#lastBeatIn;
    return {
      id,
      lun: name,
      begunAt: iso(begun),
      detectedAt: iso(nowMs),
      cause: this.status.link.drillMs === null ? "silence" : "drill",
      seenBy: "alpha",
      phases: [{ kind: "silence", at: iso(begun), endedAt: iso(nowMs) }],
      peakQueue: { bytes: 0, requests: 0 },
      healBytes: 0,
      longestHostWaitMs: name === "db" ? 2117 : null,
      healedAt: null,
    };
  }

  #keep(outage: Outage): Outage {
    this.outages.set(outage.id, outage);
    return outage;
  }
}

const iso = (atMs: number) => new Date(atMs).toISOString();

function endAll({ phases }: Outage, nowMs: number): Outage["phases"] {
  return phases.map((phase) => ({ ...phase, endedAt: phase.endedAt ?? iso(nowMs) }));
}

function firstStatus(nowMs: number): Status {
  return {
    server: {
      name: "alpha",
      uuid: ServerId.parse("0f8e3c52-7a3b-4c8f-9d1e-5b6a7c8d9e0f"),
      version: "0.1.0",
      startedAt: iso(nowMs - 4.2 * 86_400_000),
      restartNeeded: false,
    },
    link: {
      state: "up",
      peer: {
        name: "beta",
        uuid: "b1e7a2d4-3c55-4f0e-a6aa-92d04c1f7e33",
        address: "10.30.0.12:7410",
        version: "0.1.0",
      },
      settings: DEFAULT_LINK_SETTINGS,
      settingsVersion: 4,
      outageNumber: 17,
      probationMs: null,
      drillMs: null,
      strangers: 41,
      connections: [],
      incoming: [],
      heartbeat: {
        sent: 725_212,
        received: 725_187,
        missed: 25,
        rejected: 41,
        rttMs: 0.34,
        jitterMs: 0.05,
        lossOut: 0,
        lossIn: 0,
      },
    },
    luns: [
      lun("db", 1, 64 * GIB, { sessions: [host(1), host(2)] }),
      lun("vm-images", 2, 2048 * GIB, { mode: "async", sessions: [host(3)] }),
      lun("archive", 3, 512 * GIB, {
        designated: false,
        state: "unmirrored",
        mode: "async",
        lag: { bytes: null, ms: null },
        dirty: { regions: null, bytes: null },
        backing: { kind: "block", path: "/dev/vg0/archive" },
      }),
      lun("home", 4, 256 * GIB, { role: "mirror", sessions: null }),
      lun("scratch", 5, 128 * GIB, {
        state: "initializing",
        reason: "First copy to beta; the mirror can be used once it ends.",
        progress: { kind: "copy", doneBytes: 47 * GIB, totalBytes: 128 * GIB, etaMs: 611_000 },
        dirty: { regions: 82_944, bytes: 81 * GIB },
        lag: { bytes: 81 * GIB, ms: null },
      }),
    ],
    processes: { supervisor: 4107, datapath: 4119, backend: 4131, database: 4152 },
    database: "connected",
  };
}
