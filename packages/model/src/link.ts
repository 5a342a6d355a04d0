/** The link to the peer as outsiders see it: state, both connection arrays, heartbeats. */
import { z } from "zod";
import { LinkSettings } from "./settings.ts";

export const LinkState = z.enum(["unpaired", "connecting", "up", "interrupted", "probation"]);
export type LinkState = z.infer<typeof LinkState>;

/** One element of a connection array (SPEC L2). */
export const ConnectionElement = z.object({
  index: z.number().int(),
  /** The socket parameter, HOST:PORT; null until the mirror side has told it. */
  socket: z.string().nullable(),
  /** Age of the timestamp that each heartbeat renews, in ms; null before the first. */
  timestampAgeMs: z.number().nullable(),
  closed: z.boolean(),
  connected: z.boolean(),
  bytes: z.number(),
  inFlight: z.number(),
});
export type ConnectionElement = z.infer<typeof ConnectionElement>;

export const HeartbeatFigures = z.object({
  sent: z.number(),
  received: z.number(),
  /** Heartbeats that should have come and did not, since the data path began. */
  missed: z.number(),
  /** Datagrams dropped because their MAC, direction or counter was wrong. */
  rejected: z.number(),
  rttMs: z.number().nullable(),
  jitterMs: z.number().nullable(),
  /** Lost share (0 to 1) over the last 100 messages, towards the peer and from it; null while unknown. */
  lossOut: z.number().nullable(),
  lossIn: z.number().nullable(),
});
export type HeartbeatFigures = z.infer<typeof HeartbeatFigures>;

export const Link = z.object({
  state: LinkState,
  peer: z
    .object({
      name: z.string(),
      uuid: z.string(),
      address: z.string(),
      version: z.string().nullable(),
    })
    .nullable(),
  settings: LinkSettings,
  settingsVersion: z.number().int(),
  /** The number under which both sides agree on the present set of connections; rises with each interruption. */
  outageNumber: z.number().int(),
  /** How much of probation is over, in ms; null outside probation. */
  probationMs: z.number().nullable(),
  /** Milliseconds left of a drill (this server's heartbeats silenced on purpose); null when none runs. */
  drillMs: z.number().nullable(),
  connections: z.array(ConnectionElement),
  incoming: z.array(ConnectionElement),
  heartbeat: HeartbeatFigures,
  /** TCP connections dropped because they did not prove the pairing secret, since the data path began. */
  strangers: z.number(),
});
export type Link = z.infer<typeof Link>;
