/**
 * The mark of a LUN's copy: what an unclean end would have cost (SPEC R1, the stand-in for the activity log). It lies
 * stable beside the data, with the kernel's boot id, because what was written but not flushed outlives a killed process
 * and not a power loss.
 *
 * ```
 *            first unjournaled write            window journaled, local copy stable
 *   clean ──────────────────────────▶ open ◀──────────────────────────────▶ queueing
 *     ▲        drained and flushed     │ ▲                                      │
 *     └────────────────────────────────┘ └── copy stable on both ── copying ◀───┘ journal given up
 * ```
 */
import { z } from "zod";
import { LineageStep } from "../wire/stream-open.ts";

export const MarkState = z.enum(["clean", "open", "queueing", "copying"]);
export type MarkState = z.infer<typeof MarkState>;

const Count = z.number().int().nonnegative();

/** How many streams a lineage remembers; a mirror at an older one is copied in full. */
export const LINEAGE_STEPS = 64;

export const LunMark = z.object({
  state: MarkState,
  kernelBootId: z.string(),
  /** Ended in order: what `state` says holds over a power loss too, unless it is `doubtful`. */
  closed: z.boolean(),
  /** Streams from oldest to present. */
  lineage: z.array(LineageStep).max(LINEAGE_STEPS),
  /** With `closed`: the last number of the present stream. */
  last: z.number().int().nonnegative(),
  /** What lies in these ranges is not known here, and the mirror holds them as they were (SPEC W3). */
  suspect: z.array(z.object({ offset: Count, length: Count })).default([]),
  /** A flush of the engine's own failed, and no host was told yet (SPEC W7). */
  flushFailed: z.boolean().default(false),
  /** A flush failed under this kernel: what it covered may be in its memory only, whatever is flushed later. */
  doubtful: z.boolean().default(false),
});
export type LunMark = z.infer<typeof LunMark>;

/** What a primary copy may go on from after a start. */
export type Restoration =
  /** Go on where the last stream ended; the journal holds nothing. */
  | "continue"
  /** Redo the journal on the local copy, then replay it to the mirror. */
  | "recover-journal"
  /** What the mirror lacks is not known: full copy. */
  | "full-copy";

/** Decides what a start of the data path makes of the mark (SPEC R1). */
export function restore(mark: LunMark | null, kernelBootId: string): Restoration {
  if (mark === null || mark.lineage.length === 0) return "full-copy";
  const outlivesPower = mark.closed && !mark.doubtful;
  const trusted = outlivesPower || mark.kernelBootId === kernelBootId;
  switch (mark.state) {
    case "clean":
      return mark.closed && trusted ? "continue" : "full-copy";
    case "queueing":
      return trusted ? "recover-journal" : "full-copy";
    case "open":
    case "copying":
      return "full-copy";
  }
}

/** The mirror copy's mark, stable beside its data. */
export const MirrorMark = z.object({
  /** `stable`: all up to `applied` is. `open`: the note knows, under the same kernel. `unclean`: a flush failed. */
  state: z.enum(["stable", "open", "copying", "unclean"]),
  kernelBootId: z.string(),
  stream: z.string().nullable(),
  applied: z.number().int().nonnegative(),
});
export type MirrorMark = z.infer<typeof MirrorMark>;
