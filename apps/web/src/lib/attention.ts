/** Which LUNs need a look first, and why in a few words; the order of every list that puts the urgent on top. */
import type { Lun, LunState } from "@lockstep/model";
import { bytes } from "./format.ts";
import { sentence } from "./problem.ts";
import { lunStateWords } from "./words.ts";

/** Lower is more urgent. */
const urgency = {
  "split-brain": 0,
  stopped: 1,
  queueing: 2,
  paused: 3,
  probation: 4,
  initializing: 5,
  resyncing: 6,
  replaying: 7,
  mirrored: 8,
  unmirrored: 9,
} as const satisfies Record<LunState, number>;

const NEARLY_FULL = 0.8;

export function byUrgency(a: Lun, b: Lun): number {
  const full = Number(journalNearlyFull(b)) - Number(journalNearlyFull(a));
  return urgency[a.state] - urgency[b.state] || full || a.name.localeCompare(b.name);
}

export function journalNearlyFull({ journal }: Lun): boolean {
  return journal.limitBytes > 0 && journal.bytes / journal.limitBytes >= NEARLY_FULL;
}

/** Null when the LUN is as its operator wants it. */
export function attentionOf(lun: Lun): string | null {
  if (journalNearlyFull(lun)) {
    return `The journal holds ${bytes(lun.journal.bytes)} of ${bytes(lun.journal.limitBytes)}; past its limit the LUN heals by a full copy.`;
  }
  if (lun.state === "mirrored" || (lun.state === "unmirrored" && !lun.designated)) return null;
  return reasonOf(lun) ?? lunStateWords[lun.state].meaning;
}

/** What the server adds to the state, as a sentence; null where it adds nothing. */
export function reasonOf({ reason }: Lun): string | null {
  return reason === null ? null : sentence(reason);
}
