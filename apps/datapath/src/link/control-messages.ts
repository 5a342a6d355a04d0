/**
 * What the two servers say on the control channel (SPEC L1, L2, L4): requests with answers, and notices. One JSON value
 * a frame. The dialling side asks; each server dials the other, so each direction has a channel of its own.
 */
import { LinkSettings, LunMode, LunState, Name } from "@lockstep/model";
import { z } from "zod";

const Count = z.number().int().nonnegative();
const Port = z.number().int().min(1).max(65_535);
/** No longer than a connection array has room for. */
const Host = z.string().min(1).max(255);
const Versions = z.object({ min: Count, max: Count });

export const Hello = z.object({
  versions: Versions,
  release: z.string(),
  name: Name,
  settings: LinkSettings,
  settingsVersion: Count,
});
export type Hello = z.infer<typeof Hello>;

/** A LUN as its primary offers it to the mirror. */
export const LunOffer = z.object({
  uuid: z.uuid(),
  name: Name,
  number: z.number().int().min(0).max(255),
  sizeBytes: z.number().int().positive(),
  mode: LunMode,
  designated: z.boolean(),
  writeCache: z.boolean(),
});
export type LunOffer = z.infer<typeof LunOffer>;

/** What the primary says of a LUN's state, for the mirror's console. */
export const LunNotice = z.object({
  uuid: z.uuid(),
  state: LunState,
  reason: z.string().nullable(),
  lagBytes: z.number().nullable(),
  lagMs: z.number().nullable(),
  journalBytes: z.number(),
  journalRequests: z.number(),
  journalLimitBytes: z.number(),
});
export type LunNotice = z.infer<typeof LunNotice>;

/** The new server's side of a pairing; the MAC is under the invitation's secret and covers all else. */
export const PairOffer = z.object({
  uuid: z.uuid(),
  name: Name,
  host: Host,
  mirrorPort: Port,
  heartbeatPort: Port,
  publicKey: z.string(),
  outageNumber: Count,
  mac: z.string(),
});
export type PairOffer = z.infer<typeof PairOffer>;

export const controlRequests = {
  hello: { params: Hello, result: Hello },
  pair: { params: PairOffer, result: PairOffer },
  /** Starts the connection threads of an epoch; answers their ports. */
  ports: {
    params: z.object({ epoch: Count }),
    result: z.object({ ports: z.array(Port) }),
  },
  /** After a flap (L5): a new thread for one element, once the old one has exited. */
  reopen: {
    params: z.object({ epoch: Count, index: Count }),
    result: z.object({ port: Port }),
  },
  settings: {
    params: z.object({ settings: LinkSettings, version: Count }),
    result: z.object({ version: Count }),
  },
  /** Connections are made anew under this number, with the settings' n. */
  reshape: { params: z.object({ outageNumber: Count }), result: z.object({}) },
  /** The sender's heartbeats will be silent on purpose for so long from now on (O8); 0: no longer. */
  drill: { params: z.object({ seconds: Count }), result: z.object({}) },
  "lun.offer": { params: LunOffer, result: z.object({}) },
  /** All LUNs that the sender is primary of. */
  "lun.census": { params: z.object({ uuids: z.array(z.uuid()) }), result: z.object({}) },
  unpair: { params: z.object({}), result: z.object({}) },
} as const;

export type ControlRequests = typeof controlRequests;
export type ControlRequestName = keyof ControlRequests;
export type ControlParams<K extends ControlRequestName> = z.output<ControlRequests[K]["params"]>;
export type ControlResult<K extends ControlRequestName> = z.output<ControlRequests[K]["result"]>;

export const ControlMessage = z.union([
  z.object({ id: Count, request: z.string(), params: z.unknown() }),
  z.object({ id: Count, result: z.unknown() }),
  z.object({
    id: Count,
    error: z.object({ code: z.string(), message: z.string(), hint: z.string().nullable() }),
  }),
  z.object({ notice: z.literal("lun"), lun: LunNotice }),
]);
export type ControlMessage = z.infer<typeof ControlMessage>;
