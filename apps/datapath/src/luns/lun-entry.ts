/** One LUN as the main thread knows it: its record, what its threads told last, and how outsiders see it. */
import { type Lun, type LunState, targetIqn } from "@lockstep/model";
import type { LunNotice, LunOffer } from "../link/control-messages.ts";
import type { LunRecord } from "../records.ts";
import type { CopySpec, LunFacts, LunSpec } from "../threads/messages.ts";

export interface LunEntry {
  record: LunRecord;
  /** Index of the worker that owns the primary copy; null for a mirror copy. */
  worker: number | null;
  facts: LunFacts | null;
  /** What the primary said of a mirror copy last, in the present set of connections; null while it is not heard. */
  notice: LunNotice | null;
  /** The copy can't be opened, or the peer refused it: why. */
  trouble: string | null;
}

/** What the whole server contributes to a LUN's view. */
export interface LunSurroundings {
  server: string;
  portals: readonly string[];
  linkState: string;
}

export function lunSpec(entry: LunEntry, server: string, folder: string): LunSpec {
  const { uuid, name, number, mode, designated, writeCache, journalLimitBytes, backing } =
    entry.record;
  return {
    uuid,
    name,
    number,
    iqn: targetIqn(server, name),
    mode,
    designated,
    writeCache,
    journalLimitBytes,
    backingPath: backing.path,
    folder,
  };
}

export function copySpec(entry: LunEntry, folder: string): CopySpec {
  const { uuid, name, backing } = entry.record;
  return { uuid, name, backingPath: backing.path, folder };
}

export function lunOffer(record: LunRecord): LunOffer {
  const { uuid, name, number, sizeBytes, mode, designated, writeCache } = record;
  return { uuid, name, number, sizeBytes, mode, designated, writeCache };
}

export function lunNotice(entry: LunEntry): LunNotice | null {
  const { facts, record } = entry;
  if (facts === null) return null;
  const { uuid, state, reason, lagBytes, lagMs, journalBytes, journalRequests } = facts;
  const journalLimitBytes = record.journalLimitBytes;
  return { uuid, state, reason, lagBytes, lagMs, journalBytes, journalRequests, journalLimitBytes };
}

export function lunView(entry: LunEntry, around: LunSurroundings): Lun {
  const { record, facts, notice } = entry;
  const primary = record.role === "primary";
  const told = primary ? facts : notice;
  return {
    name: record.name,
    uuid: record.uuid as Lun["uuid"],
    number: record.number,
    sizeBytes: record.sizeBytes,
    role: record.role,
    mode: record.mode,
    designated: record.designated,
    policy: "continue",
    state: stateOf(entry, around),
    reason: entry.trouble ?? told?.reason ?? (primary ? null : mirrorReason(entry)),
    writeCache: record.writeCache,
    backing: record.backing,
    target: { iqn: targetIqn(around.server, record.name), portals: [...around.portals] },
    sessions: primary ? (facts?.sessions ?? []) : null,
    lag: { bytes: told?.lagBytes ?? null, ms: told?.lagMs ?? null },
    journal: {
      bytes: told?.journalBytes ?? 0,
      requests: told?.journalRequests ?? 0,
      limitBytes: primary ? record.journalLimitBytes : (notice?.journalLimitBytes ?? 0),
    },
    dirty: dirtyOf(entry, around),
    progress: facts?.progress ?? null,
    thread: entry.worker,
    counters: facts?.counters ?? { reads: 0, readBytes: 0, writes: 0, writeBytes: 0 },
  };
}

/** What a LUN whose threads have not said anything is. */
function stateOf(entry: LunEntry, around: LunSurroundings): LunState {
  const { record, facts, notice } = entry;
  if (!record.designated) return "unmirrored";
  if (record.role === "primary") return facts?.state ?? "queueing";
  if (around.linkState === "probation") return "probation";
  return around.linkState === "up" && notice !== null ? notice.state : "queueing";
}

function mirrorReason(entry: LunEntry): string | null {
  if (!entry.record.designated) return "its primary no longer mirrors here";
  return entry.notice === null ? "its primary is not heard: how far it is ahead is unknown" : null;
}

/** Without an activity log a copy that is not in step is dirty as a whole (SPEC R1, stand-in). */
function dirtyOf(entry: LunEntry, around: LunSurroundings): Lun["dirty"] {
  const state = stateOf(entry, around);
  if (entry.record.role === "mirror" && entry.notice === null)
    return { regions: null, bytes: null };
  if (state !== "initializing") return { regions: 0, bytes: 0 };
  const total = entry.record.sizeBytes;
  const left = total - (entry.facts?.progress?.doneBytes ?? 0);
  return { regions: Math.ceil(left / 2 ** 20), bytes: left };
}
