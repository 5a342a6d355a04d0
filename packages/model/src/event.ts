/**
 * Events: every state change of link and LUN, every change of configuration (SPEC C3). The data path numbers and
 * spools them; the backend writes each, with the configuration row it changed, in one database transaction.
 */
import { z } from "zod";

export const EventKind = z.enum([
  "server-started",
  "server-stopped",
  "process-lost",
  "process-restarted",
  "database-away",
  "database-back",
  "events-lost",
  "peer-invited",
  "peer-joined",
  "peer-removed",
  "link-state",
  "link-settings",
  "stranger",
  "lun-created",
  "lun-deleted",
  "lun-resized",
  "lun-changed",
  "lun-state",
  "outage-began",
  "outage-changed",
  "outage-healed",
  "copy-began",
  "copy-ended",
  "storage-error",
  "journal-full",
  "connection-flap",
  "drill",
  "sign-in",
  "sign-in-failed",
  "user-changed",
]);
export type EventKind = z.infer<typeof EventKind>;

export const Severity = z.enum(["info", "warning", "error"]);
export type Severity = z.infer<typeof Severity>;

/** Who asked for something, and from where. */
export const Actor = z.object({
  /** A user's name, "uid 0" on the local socket, or "system". */
  who: z.string(),
  /** An address, "local socket", or the process that acted. */
  from: z.string(),
});
export type Actor = z.infer<typeof Actor>;

export const Event = z.object({
  /** Counts up by one on each server, over restarts. */
  seq: z.number().int(),
  at: z.iso.datetime(),
  kind: EventKind,
  severity: Severity,
  actor: Actor,
  /** The name of what it is about: a LUN, "link", "server", a user. */
  subject: z.string(),
  /** One sentence for people. */
  message: z.string(),
  /** For a change of configuration: the value before and after; else null. */
  before: z.unknown(),
  after: z.unknown(),
});
export type Event = z.infer<typeof Event>;
