/** A believable past for the test server: outages of many kinds and the events that go with them, from fixed seeds. */
import type {
  Event,
  EventKind,
  Outage,
  OutageCause,
  OutagePhaseKind,
  Severity,
} from "@lockstep/model";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const MIB = 2 ** 20;

/** A phase: what, and how long, in seconds; they follow each other, but for `from`, seconds after the begin. */
type Part = [kind: OutagePhaseKind, seconds: number, from?: number];

interface PastOutage {
  lun: string;
  agoMs: number;
  cause: OutageCause;
  seenBy?: string;
  parts: Part[];
  peakMib: number;
  waitMs?: number | null;
}

const past: PastOutage[] = [
  {
    lun: "db",
    agoMs: 9 * MINUTE,
    cause: "silence",
    peakMib: 212,
    waitMs: 2140,
    parts: [
      ["silence", 2.1],
      ["queueing", 41],
      ["probation", 1.8, 18],
      ["probation", 5, 38.1],
      ["replay", 6.4],
    ],
  },
  {
    lun: "vm-images",
    agoMs: 9 * MINUTE - 40,
    cause: "silence",
    peakMib: 1460,
    waitMs: 310,
    parts: [
      ["silence", 2.1],
      ["queueing", 41],
      ["probation", 1.8, 18],
      ["probation", 5, 38.1],
      ["replay", 31],
    ],
  },
  {
    lun: "db",
    agoMs: 27 * MINUTE,
    cause: "mirror-slow",
    peakMib: 38,
    waitMs: 2003,
    parts: [
      ["silence", 2],
      ["queueing", 9],
      ["replay", 1.2],
    ],
  },
  {
    lun: "vm-images",
    agoMs: 43 * MINUTE,
    cause: "drill",
    peakMib: 96,
    waitMs: 1980,
    parts: [
      ["silence", 2.2],
      ["queueing", 8.4],
      ["probation", 5],
      ["replay", 2.1],
    ],
  },
  {
    lun: "db",
    agoMs: 43 * MINUTE,
    cause: "drill",
    peakMib: 51,
    waitMs: 2104,
    parts: [
      ["silence", 2.2],
      ["queueing", 8.4],
      ["probation", 5],
      ["replay", 1.3],
    ],
  },
  {
    lun: "archive",
    agoMs: 5.4 * HOUR,
    cause: "operator",
    peakMib: 5300,
    waitMs: null,
    parts: [
      ["paused", 3900],
      ["replay", 260],
    ],
  },
  {
    lun: "db",
    agoMs: 8.2 * HOUR,
    cause: "peer-restart",
    seenBy: "alpha",
    peakMib: 840,
    waitMs: 2210,
    parts: [
      ["silence", 2.3],
      ["queueing", 96],
      ["probation", 5],
      ["replay", 22],
    ],
  },
  {
    lun: "vm-images",
    agoMs: 8.2 * HOUR,
    cause: "peer-restart",
    peakMib: 4100,
    waitMs: 900,
    parts: [
      ["silence", 2.3],
      ["queueing", 96],
      ["probation", 5],
      ["resync", 184],
    ],
  },
  {
    lun: "vm-images",
    agoMs: 30 * HOUR,
    cause: "storage",
    seenBy: "beta",
    peakMib: 7700,
    waitMs: 40,
    parts: [
      ["queueing", 5400],
      ["replay", 412],
    ],
  },
  {
    lun: "db",
    agoMs: 52 * HOUR,
    cause: "one-way",
    seenBy: "beta",
    peakMib: 12,
    waitMs: 1600,
    parts: [
      ["silence", 1.6],
      ["queueing", 4],
      ["probation", 5],
      ["replay", 0.6],
    ],
  },
  {
    lun: "db",
    agoMs: 71 * HOUR,
    cause: "connection",
    peakMib: 3,
    waitMs: 2000,
    parts: [
      ["silence", 2],
      ["queueing", 3.1],
      ["probation", 5],
      ["replay", 0.2],
    ],
  },
];

export function pastOutages(nowMs: number): Outage[] {
  return past.map(({ lun, agoMs, cause, seenBy, parts, peakMib, waitMs }, index) => {
    const begun = nowMs - agoMs;
    let next = begun;
    const phases = parts.map(([kind, seconds, from]) => {
      const at = from === undefined ? next : begun + from * 1000;
      const endedAt = at + seconds * 1000;
      next = Math.max(next, endedAt);
      return { kind, at: iso(at), endedAt: iso(endedAt) };
    });
    const silence = parts[0]?.[0] === "silence" ? parts[0][1] * 1000 : 0;
    return {
      id: `past-${index}`,
      lun,
      begunAt: iso(begun),
      detectedAt: iso(begun + silence),
      cause,
      seenBy: seenBy ?? "alpha",
      phases,
      peakQueue: { bytes: peakMib * MIB, requests: Math.round(peakMib * 41.3) },
      healBytes: Math.round(peakMib * MIB * 1.004),
      longestHostWaitMs: waitMs ?? null,
      healedAt: iso(next),
    };
  });
}

const iso = (atMs: number) => new Date(atMs).toISOString();

type Line = [EventKind, Severity, string, string, string, unknown?, unknown?];
const console_ = "192.168.7.20";

const lines: Line[] = [
  ["server-started", "info", "server", "the data path started, version 0.1.0", "system"],
  ["peer-joined", "info", "link", "beta joined as the peer of alpha", "admin"],
  [
    "lun-created",
    "info",
    "db",
    "LUN db was created with 64 GiB",
    "admin",
    null,
    { name: "db", sizeBytes: 64 * 2 ** 30, mode: "sync" },
  ],
  [
    "lun-changed",
    "info",
    "db",
    "LUN db is designated as mirrored",
    "admin",
    { designated: false },
    { designated: true },
  ],
  ["copy-began", "info", "db", "a full copy of db to beta began", "system"],
  ["copy-ended", "info", "db", "the full copy of db ended after 3 min 12 s", "system"],
  [
    "link-settings",
    "info",
    "link",
    "the link's settings were changed",
    "admin",
    { t1: 3000, probation: 8000, version: 3 },
    { t1: 2000, probation: 5000, version: 4 },
  ],
  ["sign-in-failed", "warning", "root", "a sign-in as root failed", "root"],
  ["sign-in", "info", "admin", "admin signed in", "admin"],
  [
    "stranger",
    "warning",
    "link",
    "41 datagrams from 203.0.113.9 did not prove the pairing secret",
    "system",
  ],
  [
    "connection-flap",
    "info",
    "link",
    "connection 1 broke and was made again after 38 ms",
    "system",
  ],
  [
    "storage-error",
    "error",
    "vm-images",
    "the mirror could not store a request: no space left on device",
    "system",
  ],
  ["outage-began", "warning", "db", "an outage of db began: silence", "system"],
  ["link-state", "warning", "link", "the link is interrupted", "system", "up", "interrupted"],
  ["link-state", "info", "link", "the link is on probation", "system", "interrupted", "probation"],
  ["outage-healed", "info", "db", "the outage of db healed after 49.5 s", "system"],
  [
    "database-away",
    "warning",
    "server",
    "the database does not answer; events are kept beside the data",
    "system",
  ],
  [
    "database-back",
    "info",
    "server",
    "the database answers again; 12 events were written",
    "system",
  ],
];

/** The same lines over and over, from four days ago until now. */
export function pastEvents(nowMs: number, count: number): Event[] {
  return Array.from({ length: count }, (_, index) => {
    const [kind, severity, subject, message, who, before, after] = lines[index % lines.length] ?? [
      "drill",
      "info",
      "link",
      "",
      "system",
    ];
    const share = (count - index) / count;
    return {
      seq: index + 1,
      at: iso(nowMs - 15_000 - share ** 3 * 96 * HOUR),
      kind,
      severity,
      actor: who === "system" ? { who, from: "data path" } : { who, from: console_ },
      subject,
      message,
      before: before ?? null,
      after: after ?? null,
    };
  });
}
