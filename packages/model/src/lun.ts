/** A LUN as outsiders see it, and the states it can be in. */
import { z } from "zod";
import { LunId, Name } from "./ids.ts";

export const LunRole = z.enum(["primary", "mirror"]);
export type LunRole = z.infer<typeof LunRole>;

export const LunMode = z.enum(["sync", "async"]);
export type LunMode = z.infer<typeof LunMode>;

export const LunState = z.enum([
  "unmirrored",
  "initializing",
  "mirrored",
  "queueing",
  "probation",
  "replaying",
  "resyncing",
  "paused",
  "stopped",
  "split-brain",
]);
export type LunState = z.infer<typeof LunState>;

export const BackingKind = z.enum(["file", "block"]);
export type BackingKind = z.infer<typeof BackingKind>;

/** How far a copy, replay or resync has come. */
export const Progress = z.object({
  kind: z.enum(["copy", "replay", "resync"]),
  doneBytes: z.number(),
  totalBytes: z.number(),
  /** Milliseconds left at the present rate; null while the rate is unknown. */
  etaMs: z.number().nullable(),
});
export type Progress = z.infer<typeof Progress>;

export const Lun = z.object({
  name: Name,
  uuid: LunId,
  /** The LUN number under its target; 0 by default. */
  number: z.number().int().min(0).max(255),
  sizeBytes: z.number(),
  role: LunRole,
  mode: LunMode,
  /** Designated as mirrored by the operator. */
  designated: z.boolean(),
  policy: z.enum(["continue", "strict"]),
  state: LunState,
  /** Why the LUN is in this state, in one sentence; null when there is nothing to add. */
  reason: z.string().nullable(),
  writeCache: z.boolean(),
  backing: z.object({ kind: BackingKind, path: z.string() }),
  target: z.object({ iqn: z.string(), portals: z.array(z.string()) }),
  /** Initiators logged in at present; null where hosts do not see this copy. */
  sessions: z.array(z.object({ initiator: z.string(), address: z.string() })).nullable(),
  /** How far the mirror is behind; null where unknown (no mirror, or the mirror's side has not been heard). */
  lag: z.object({ bytes: z.number().nullable(), ms: z.number().nullable() }),
  journal: z.object({ bytes: z.number(), requests: z.number(), limitBytes: z.number() }),
  dirty: z.object({ regions: z.number().nullable(), bytes: z.number().nullable() }),
  progress: Progress.nullable(),
  /** Which worker thread owns the primary copy, or which connection thread the mirror copy; null when none does. */
  thread: z.number().int().nullable(),
  counters: z.object({
    reads: z.number(),
    readBytes: z.number(),
    writes: z.number(),
    writeBytes: z.number(),
  }),
});
export type Lun = z.infer<typeof Lun>;
