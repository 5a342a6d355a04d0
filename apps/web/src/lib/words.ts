/**
 * The words, tones and signs for every state the console shows, one table per union, so that a state added to the
 * model fails to compile here until it has its words. A tone is never alone: each has a sign and a word beside it.
 */
import type {
  EventKind,
  LinkState,
  LunState,
  OutageCause,
  OutagePhaseKind,
  Severity,
} from "@lockstep/model";

/** ok: as it should be · work: busy getting there · wait: degraded · bad: act now · calm: nothing to say. */
export type Tone = "ok" | "work" | "wait" | "bad" | "calm";

export type SignName =
  | "check"
  | "copy"
  | "dashed"
  | "queue"
  | "timer"
  | "forward"
  | "refresh"
  | "pause"
  | "stop"
  | "split"
  | "broken"
  | "plug"
  | "info"
  | "warning"
  | "error"
  | "silence";

export interface Words {
  label: string;
  tone: Tone;
  sign: SignName;
  /** What it means, in one sentence. */
  meaning: string;
}

export const lunStateWords = {
  unmirrored: {
    label: "Unmirrored",
    tone: "calm",
    sign: "dashed",
    meaning: "Served from this server alone; no second copy is kept.",
  },
  initializing: {
    label: "Initializing",
    tone: "work",
    sign: "copy",
    meaning: "A full copy to the mirror is under way; the mirror cannot be used yet.",
  },
  mirrored: {
    label: "Mirrored",
    tone: "ok",
    sign: "check",
    meaning: "Both servers hold the same data, and new writes go to both.",
  },
  queueing: {
    label: "Queueing",
    tone: "wait",
    sign: "queue",
    meaning: "The mirror cannot be reached; writes go on and are kept in the journal.",
  },
  probation: {
    label: "Probation",
    tone: "wait",
    sign: "timer",
    meaning: "Heartbeats are back; they must stay for the probation before replay begins.",
  },
  replaying: {
    label: "Replaying",
    tone: "work",
    sign: "forward",
    meaning: "The journal is being sent to the mirror in order, while hosts go on.",
  },
  resyncing: {
    label: "Resyncing",
    tone: "work",
    sign: "refresh",
    meaning: "Regions that differ are being copied to the mirror, while hosts go on.",
  },
  paused: {
    label: "Paused",
    tone: "wait",
    sign: "pause",
    meaning: "Mirroring was paused by an operator; writes are kept in the journal.",
  },
  stopped: {
    label: "Stopped",
    tone: "bad",
    sign: "stop",
    meaning: "Hosts get NOT READY until the mirror is back (policy strict).",
  },
  "split-brain": {
    label: "Split brain",
    tone: "bad",
    sign: "split",
    meaning: "Both copies were written apart from each other; an operator must pick the survivor.",
  },
} as const satisfies Record<LunState, Words>;

export const linkStateWords = {
  unpaired: {
    label: "Not paired",
    tone: "calm",
    sign: "plug",
    meaning: "This server has no peer yet. Nothing is mirrored.",
  },
  connecting: {
    label: "Connecting",
    tone: "work",
    sign: "refresh",
    meaning: "Heartbeats come; the connections are being made.",
  },
  up: {
    label: "Link up",
    tone: "ok",
    sign: "check",
    meaning: "Heartbeats come in both directions and all connections stand.",
  },
  interrupted: {
    label: "Interrupted",
    tone: "bad",
    sign: "broken",
    meaning: "No valid heartbeat for longer than T1. Hosts go on; writes are queued.",
  },
  probation: {
    label: "Probation",
    tone: "wait",
    sign: "timer",
    meaning: "Heartbeats are back and are being watched before connections are made again.",
  },
} as const satisfies Record<LinkState, Words>;

export const phaseWords = {
  silence: {
    label: "Silence",
    tone: "bad",
    sign: "silence",
    meaning: "Nothing heard, and not yet longer than T1: hosts may wait.",
  },
  queueing: {
    label: "Queueing",
    tone: "wait",
    sign: "queue",
    meaning: "Writes go into the journal; hosts do not wait.",
  },
  probation: {
    label: "Probation",
    tone: "calm",
    sign: "timer",
    meaning: "Heartbeats are back and must stay for P.",
  },
  replay: {
    label: "Replay",
    tone: "work",
    sign: "forward",
    meaning: "The journal is sent in order.",
  },
  resync: {
    label: "Resync",
    tone: "work",
    sign: "refresh",
    meaning: "Regions that differ are copied.",
  },
  paused: {
    label: "Paused",
    tone: "calm",
    sign: "pause",
    meaning: "Paused by an operator.",
  },
} as const satisfies Record<OutagePhaseKind, Words>;

/** Order of the rows in an outage's timeline. */
export const phaseOrder = [
  "silence",
  "queueing",
  "paused",
  "probation",
  "replay",
  "resync",
] as const satisfies readonly OutagePhaseKind[];

export interface CauseWords {
  label: string;
  sentence: (seenBy: string) => string;
}

export const causeWords = {
  silence: {
    label: "Silence",
    sentence: (seenBy) => `${seenBy} heard no heartbeat for longer than T1`,
  },
  "one-way": {
    label: "One-way loss",
    sentence: (seenBy) => `${seenBy} no longer heard its peer, which heard it all the time`,
  },
  connection: {
    label: "Connection lost",
    sentence: (seenBy) => `${seenBy} lost a connection and could not make it again within T1`,
  },
  "mirror-slow": {
    label: "Mirror slow",
    sentence: (seenBy) =>
      `${seenBy} waited longer than T4 for the mirror, while heartbeats went on`,
  },
  storage: {
    label: "Mirror storage",
    sentence: (seenBy) => `the mirror could not store what it was sent, as ${seenBy} saw it`,
  },
  operator: {
    label: "Paused by operator",
    sentence: (seenBy) => `an operator paused mirroring on ${seenBy}`,
  },
  drill: {
    label: "Drill",
    sentence: (seenBy) =>
      `a rehearsal: heartbeats were silenced on purpose; ${seenBy} saw it first`,
  },
  "peer-restart": {
    label: "Peer restarted",
    sentence: (seenBy) => `${seenBy} found that its peer had started anew`,
  },
  restart: {
    label: "Restart",
    sentence: (seenBy) => `the data path of ${seenBy} started anew`,
  },
} as const satisfies Record<OutageCause, CauseWords>;

export const severityWords = {
  info: { label: "Info", tone: "calm", sign: "info", meaning: "For the record." },
  warning: { label: "Warning", tone: "wait", sign: "warning", meaning: "Degraded, or soon so." },
  error: { label: "Error", tone: "bad", sign: "error", meaning: "Something failed." },
} as const satisfies Record<Severity, Words>;

export const eventKindWords = {
  "server-started": "Server started",
  "server-stopped": "Server stopped",
  "process-lost": "Process lost",
  "process-restarted": "Process restarted",
  "database-away": "Database away",
  "database-back": "Database back",
  "events-lost": "Events lost",
  "peer-invited": "Peer invited",
  "peer-joined": "Peer joined",
  "peer-removed": "Peer removed",
  "link-state": "Link state",
  "link-settings": "Link settings",
  stranger: "Stranger refused",
  "lun-created": "LUN created",
  "lun-deleted": "LUN deleted",
  "lun-resized": "LUN resized",
  "lun-changed": "LUN changed",
  "lun-state": "LUN state",
  "outage-began": "Outage began",
  "outage-changed": "Outage changed",
  "outage-healed": "Outage healed",
  "copy-began": "Copy began",
  "copy-ended": "Copy ended",
  "storage-error": "Storage error",
  "journal-full": "Journal full",
  "connection-flap": "Connection flap",
  drill: "Drill",
  "sign-in": "Sign-in",
  "sign-in-failed": "Sign-in failed",
  "user-changed": "User changed",
} as const satisfies Record<EventKind, string>;

export const eventKinds = Object.keys(eventKindWords) as EventKind[];
