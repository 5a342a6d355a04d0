/**
 * What a primary does when its mirror has said what it holds (SPEC W2, R1, L5): go on from the window, replay from the
 * journal, or copy in full. A pure decision over both sides' facts.
 */
import type { LineageStep, MirrorReport } from "../wire/stream-open.ts";

export interface PrimaryFacts {
  /** What the mirror lacks is not known here. */
  needsCopy: boolean;
  /** Streams from oldest to present. */
  lineage: readonly LineageStep[];
  /** Last number given out in the present stream. */
  last: number;
  /** The first number of the present stream that the window can send again; last + 1 when it is empty. */
  windowFirst: number;
  /** Whether the journal holds anything that the mirror may lack. */
  journalHolds: boolean;
  /** Whether all behind what the mirror has applied of its stream is in the journal. */
  journalReaches: boolean;
  /** Highest number the mirror acknowledged, of the stream it did so in. */
  acknowledged: { stream: string; number: number } | null;
}

export type Meeting =
  /** Send the window again from after `applied`. */
  | { do: "resume"; applied: number }
  /** Send the journal from after (`stream`, `applied`), opening the streams in between. */
  | { do: "replay"; stream: string; applied: number }
  | { do: "copy"; why: string };

export function meet(primary: PrimaryFacts, mirror: MirrorReport): Meeting {
  const copy = (why: string): Meeting => ({ do: "copy", why });
  if (primary.needsCopy) return copy("what the mirror lacks is not known");
  if (mirror.condition === "none") return copy("the mirror is new");
  if (mirror.condition === "copying") return copy("an earlier copy was not finished");
  if (mirror.condition === "unclean") return copy("the mirror lost power");
  const at = primary.lineage.findIndex((step) => step.stream === mirror.stream);
  if (at < 0 || mirror.stream === null) return copy("the mirror is at no stream known here");
  const lost = acknowledgedBeyond(primary, at, mirror);
  if (lost) return copy("the mirror holds less than it had acknowledged");
  const next = primary.lineage[at + 1];
  if (next !== undefined) {
    if (mirror.applied > next.parentLast)
      return copy("the mirror went beyond the last usable number");
    const gap = mirror.applied < next.parentLast || laterStreamsUsed(primary, at + 1);
    if (gap && !(primary.journalHolds && primary.journalReaches))
      return copy("the journal no longer holds what the mirror lacks");
    return { do: "replay", stream: mirror.stream, applied: mirror.applied };
  }
  if (mirror.applied > primary.last) return copy("the mirror went beyond the last usable number");
  if (!primary.journalHolds && mirror.applied >= primary.windowFirst - 1) {
    return { do: "resume", applied: mirror.applied };
  }
  if (!primary.journalHolds) return copy("the window no longer holds what the mirror lacks");
  if (!primary.journalReaches) return copy("the journal no longer holds what the mirror lacks");
  return { do: "replay", stream: mirror.stream, applied: mirror.applied };
}

/** Whether the mirror had acknowledged more than it holds now. */
function acknowledgedBeyond(primary: PrimaryFacts, at: number, mirror: MirrorReport): boolean {
  const known = primary.acknowledged;
  if (known === null) return false;
  const knownAt = primary.lineage.findIndex((step) => step.stream === known.stream);
  if (knownAt < 0) return false;
  return knownAt > at || (knownAt === at && known.number > mirror.applied);
}

/** Whether a stream behind `from` gave out numbers. */
function laterStreamsUsed(primary: PrimaryFacts, from: number): boolean {
  if (primary.last > 0) return true;
  return primary.lineage.slice(from + 1).some((step) => step.parentLast > 0);
}
