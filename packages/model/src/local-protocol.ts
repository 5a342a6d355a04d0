/**
 * The local socket's protocol (`DIR/lockstep.sock`): one JSON value a line, both ways. Requests are answered by id, in
 * any order. After `subscribe` the data path also sends pushes. A line is at most MAX_LINE_BYTES long; a longer one
 * closes the connection.
 */
import { z } from "zod";
import type { CommandName } from "./commands.ts";
import { Actor, type Event, EventKind, Severity } from "./event.ts";
import { FailureCode } from "./failure.ts";
import type { Outage } from "./outage.ts";
import type { Status } from "./status.ts";

export const MAX_LINE_BYTES = 4 * 2 ** 20;
/** Name of the socket in the data folder. Where the path would exceed 100 bytes, `DIR/socket-path` holds its path. */
export const SOCKET_NAME = "lockstep.sock";
export const SOCKET_PATH_NOTE = "socket-path";

/**
 * Besides the commands of `commands.ts`, processes of this server say:
 * - `hello`: which process this is; the data path shows its id in `status.processes` until the socket closes. A second
 *   `hello` renews what the first said.
 * - `subscribe`: pushes of `status` (at most one per `intervalMs`, only when something changed, the first at once),
 *   and of `event` from sequence number `eventsAfter` on, without a gap, and of `outage` whenever one changed.
 * - `events.taken`: all up to `seq` are in the database; the spool may forget them.
 * - `event.report`: the backend or supervisor lets an event be numbered and spooled.
 */
export const processMessages = {
  hello: z.object({
    role: z.enum(["supervisor", "backend"]),
    pid: z.number().int(),
    databasePid: z.number().int().nullable().default(null),
    database: z.enum(["connected", "away"]).nullable().default(null),
    /** Supervisor: whether what runs differs from what it would start. */
    restartNeeded: z.boolean().default(false),
  }),
  subscribe: z.object({
    status: z.object({ intervalMs: z.number().int().min(50).max(10_000) }).optional(),
    eventsAfter: z.number().int().nonnegative().optional(),
    outages: z.boolean().default(false),
  }),
  "events.taken": z.object({ seq: z.number().int().nonnegative() }),
  "event.report": z.object({
    kind: EventKind,
    severity: Severity,
    subject: z.string(),
    message: z.string(),
    before: z.unknown().default(null),
    after: z.unknown().default(null),
  }),
} as const;
export type ProcessMessageName = keyof typeof processMessages;
export type ProcessMessageInput<M extends ProcessMessageName> = z.input<
  (typeof processMessages)[M]
>;

export const LocalRequest = z.object({
  id: z.number().int().nonnegative(),
  method: z.string(),
  params: z.unknown(),
  /** Who asks. The data path takes the word of whoever can open the socket: the file permission is the authority. */
  actor: Actor,
});
export interface LocalRequest {
  id: number;
  method: CommandName | ProcessMessageName;
  params: unknown;
  actor: Actor;
}

export const LocalError = z.object({
  code: FailureCode,
  message: z.string(),
  hint: z.string().nullable(),
});

export type LocalAnswer =
  | { id: number; result: unknown }
  | { id: number; error: z.infer<typeof LocalError> };

export type LocalPush =
  | { push: "status"; data: Status }
  | { push: "event"; data: Event }
  /** The spool overflowed: events `from` to `to` are gone. */
  | { push: "events-lost"; data: { from: number; to: number } }
  | { push: "outage"; data: Outage };

export type LocalMessage = LocalAnswer | LocalPush;
