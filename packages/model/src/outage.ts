/** An outage of one LUN, from its detection until the LUN is mirrored again (SPEC O7). Times are ISO 8601, UTC. */
import { z } from "zod";

export const OutageCause = z.enum([
  "silence",
  "one-way",
  "connection",
  "mirror-slow",
  "storage",
  "operator",
  "drill",
  "peer-restart",
  "restart",
]);
export type OutageCause = z.infer<typeof OutageCause>;

export const OutagePhaseKind = z.enum([
  "silence",
  "queueing",
  "probation",
  "replay",
  "resync",
  "paused",
]);
export type OutagePhaseKind = z.infer<typeof OutagePhaseKind>;

const Time = z.iso.datetime();

export const OutagePhase = z.object({
  kind: OutagePhaseKind,
  at: Time,
  endedAt: Time.nullable(),
});
export type OutagePhase = z.infer<typeof OutagePhase>;

export const Outage = z.object({
  id: z.string(),
  /** The LUN's name. */
  lun: z.string(),
  /** When it began (the last heartbeat or answer heard), as far as is known. */
  begunAt: Time,
  detectedAt: Time,
  cause: OutageCause,
  /** Which server saw it first: its name. */
  seenBy: z.string(),
  phases: z.array(OutagePhase),
  peakQueue: z.object({ bytes: z.number(), requests: z.number() }),
  healBytes: z.number(),
  /** Null while no host waited on this outage. */
  longestHostWaitMs: z.number().nullable(),
  /** Null while it lasts. */
  healedAt: Time.nullable(),
});
export type Outage = z.infer<typeof Outage>;
