/**
 * What one heartbeat says (SPEC H3, H6, L3). A heartbeat is one datagram of at most MAX_DATAGRAM_BYTES: a fixed part, two
 * short lists and a MAC. `codec.ts` turns it into bytes and back; here are its fields, units and bounds.
 */
import type { LinkState } from "@lockstep/model";

/** Fits an Ethernet frame with room for tunnels, so that a heartbeat is never fragmented. */
export const MAX_DATAGRAM_BYTES = 1400;
/** Connections in each direction that the closed marks have room for (model's MAX_CONNECTIONS; a test compares). */
export const MAX_ELEMENTS = 16;
/** Challenges answered in one message; of more, the newest are. */
export const MAX_ANSWERS = 4;
/** LUNs with an unanswered command named in one message; of more, the oldest commands are. */
export const MAX_LUN_AGES = 48;
/** The MAC is HMAC-SHA256 cut to its first 16 bytes (RFC 2104 section 5). */
export const MAC_BYTES = 16;
/** No settings allow a longer heartbeat interval. */
export const MAX_INTERVAL_MS = 600_000;

/** Writes the MAC of `bytes` into `into` (MAC_BYTES long). Injected: the pure folders hold no cryptography. */
export type Mac = (bytes: Uint8Array, into: Uint8Array) => void;

/** 0: from the server whose UUID sorts first, 1: from the other. Tells a reflected datagram from the peer's own. */
export type Direction = 0 | 1;

/** The last message the sender accepted from the receiver; null before the first. */
export interface Echo {
  /** The receiver's boot id as the sender knows it: equal to the receiver's own once it has been accepted. */
  bootId: bigint;
  counter: number;
  /** That message's send time, on its sender's clock, in microseconds. */
  sentAtUs: number;
  /** How long it was held before this message was sent; null when longer than the field can say. */
  heldUs: number | null;
}

export interface LunAge {
  lun: string;
  /** Age of the LUN's oldest unanswered command. */
  ageMs: number;
}

export interface Heartbeat {
  versionMin: number;
  versionMax: number;
  /** Random, one per start of the data path; never zero. */
  bootId: bigint;
  /** Rises with each message of one boot id, never repeats. */
  counter: number;
  /** On the sender's monotonic clock, in microseconds. */
  sentAtUs: number;
  echo: Echo | null;
  /** The sender's setting of T2: the receiver must not count silence by a shorter one (live changes of settings). */
  intervalMs: number;
  /** A fresh nonce that a boot id not yet accepted has to answer; null while none is asked. */
  challenge: bigint | null;
  /** Nonces the sender was asked to answer. */
  answers: readonly bigint[];
  state: LinkState;
  /** Whether the sender hears the receiver at present. False is an interruption for both (H3). */
  hears: boolean;
  outageNumber: number;
  settingsVersion: number;
  /** The set of connections that the closed marks speak of. */
  epoch: number;
  /** Bit i: the sender itself marked element i closed for silence. Never marks it was told (H3). */
  closedOut: number;
  closedIn: number;
  probationMs: number | null;
  /** Lost share, 0 to 1, of the last 100 messages towards the sender; null while unknown. */
  lossIn: number | null;
  lunAges: readonly LunAge[];
}

/** Order is the encoding: append only. */
export const LINK_STATES = [
  "unpaired",
  "connecting",
  "up",
  "interrupted",
  "probation",
] as const satisfies readonly LinkState[];
