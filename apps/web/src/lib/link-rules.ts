/**
 * The link's settings as its form checks them while one types: the same rules as the model's schema (a test holds the
 * two together), but with the field that is wrong, and without a schema library in the page. The server checks again.
 */
import type { LinkSettings } from "@lockstep/model";

export type SettingName = keyof LinkSettings;

export const MIN_TIME_MS = 20;
export const MAX_TIME_MS = 600_000;
export const MAX_CONNECTIONS = 16;

export interface SettingWords {
  symbol: string;
  label: string;
  meaning: string;
}

export const settingWords = {
  t2: {
    symbol: "T2",
    label: "Heartbeat interval",
    meaning: "Each server sends a heartbeat this often.",
  },
  t1: {
    symbol: "T1",
    label: "Interruption threshold",
    meaning: "Silence longer than this is an interruption: connections close, writes are queued.",
  },
  t3: {
    symbol: "T3",
    label: "Connection idle time-out",
    meaning: "A connection thread without a request for this long looks whether it was closed.",
  },
  probation: {
    symbol: "P",
    label: "Probation",
    meaning: "Heartbeats must return and stay this long before connections are made again.",
  },
  t4: {
    symbol: "T4",
    label: "Longest wait for the mirror",
    meaning: "An answer later than this, while heartbeats go on, is the outage “mirror slow”.",
  },
  connections: {
    symbol: "n",
    label: "Connections each way",
    meaning: "LUNs are spread over this many connections, and as many threads on either side.",
  },
} as const satisfies Record<SettingName, SettingWords>;

/** In the order of their sizes, so that the rule T2 < T1 <= T3 <= P reads down the form. */
export const settingOrder = ["t2", "t1", "t3", "probation", "t4", "connections"] as const;

export type SettingErrors = Partial<Record<SettingName, string>>;

export function checkSettings(settings: LinkSettings): SettingErrors {
  const errors: SettingErrors = {};
  for (const name of settingOrder) {
    const wrong = checkRange(name, settings[name]);
    if (wrong !== null) errors[name] = wrong;
  }
  const { t1, t2, t3, probation } = settings;
  if (t2 >= t1)
    errors.t2 ??= `T2 must be less than T1 (${t1} ms), or every heartbeat comes too late`;
  if (t1 > t3) errors.t3 ??= `T3 must be at least T1 (${t1} ms)`;
  if (t3 > probation) errors.probation ??= `P must be at least T3 (${t3} ms)`;
  return errors;
}

function checkRange(name: SettingName, value: number): string | null {
  if (!Number.isInteger(value)) return "Enter a whole number";
  const [low, high, unit] =
    name === "connections" ? [1, MAX_CONNECTIONS, ""] : [MIN_TIME_MS, MAX_TIME_MS, " ms"];
  if (value < low || value > high) return `Enter ${low} to ${high}${unit}`;
  return null;
}

/** What follows from the settings, for the operator who weighs them. */
export interface Consequences {
  /** From the last heartbeat to the outage's detection, at worst (SPEC O1). */
  detectionMs: number;
  /** The longest a host waits for a write because of an interruption, beside the local write itself (SPEC O1). */
  hostWaitMs: number;
  /** From the first heartbeat after an interruption until connections are made again, at best (SPEC O5). */
  returnMs: number;
  /** Heartbeats in a row that may be lost without an interruption. */
  toleratedLosses: number;
  heartbeatsPerSecond: number;
}

export function consequences({ t1, t2, probation }: LinkSettings): Consequences {
  return {
    detectionMs: t1 + 2 * t2,
    hostWaitMs: t1 + 2 * t2,
    returnMs: probation,
    toleratedLosses: Math.max(0, Math.ceil(t1 / t2) - 1),
    heartbeatsPerSecond: 1000 / t2,
  };
}
