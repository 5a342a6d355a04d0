/**
 * What the main thread and the two heartbeat threads say to each other, and the events that come of it. The two
 * signals, `in` and `out`, are each interrupted and heard on their own; the link is well while both are heard.
 */
import type { LinkState } from "@lockstep/model";
import type { DecodeFault, Direction, LunAge } from "../heartbeat/index.ts";

/** Times are monotonic milliseconds (`monotonic-clock.ts`). */
export type HeartbeatEvent =
  | InterruptedEvent
  /**
   * in: the first valid message of the peer, ever or after an interruption. out: the peer says that it hears us, at first
   * or again. May be said twice.
   */
  | { type: "heard"; at: number; direction: "in" | "out" }
  /** Something the peer says of itself changed. */
  | { type: "peer"; peer: PeerReport }
  /** Datagrams dropped since the last such event; at most one event in REJECT_REPORT_MS. */
  | { type: "rejected"; counts: Partial<Record<RejectReason, number>>; lastFrom: string }
  /** A heartbeat thread or its socket failed and is started anew. */
  | { type: "trouble"; thread: "sender" | "receiver"; problem: string };

export interface InterruptedEvent {
  type: "interrupted";
  at: number;
  /** in: when the peer was heard last; out: when the last heartbeat that it heard was sent. Null where there was none. */
  lastHeardAt: number | null;
  /**
   * silence: nothing heard for T1. told: the peer does not hear us. receiver-stuck: our receiver does not run (H5).
   * peer-restart: the peer's boot id changed (L5); both directions were interrupted, and "heard" follows for each.
   */
  reason: "silence" | "told" | "receiver-stuck" | "peer-restart";
  /** in: the peer's signal to us was interrupted; out: ours to the peer. */
  direction: "in" | "out";
  /** The epoch whose elements were marked closed. */
  epoch: number;
}

export type RejectReason =
  | DecodeFault
  | "unpaired"
  | "duplicate"
  /** Of a boot id that has ended, or that never answered a challenge: a recording. */
  | "ended-boot"
  | "unanswered";

export interface PeerReport {
  bootId: bigint;
  /** Protocol versions it speaks (L4). */
  versionMin: number;
  versionMax: number;
  state: LinkState;
  outageNumber: number;
  settingsVersion: number;
  epoch: number;
  probationMs: number | null;
  /** Its T2. */
  intervalMs: number;
  /** It hears this start of ours. */
  hearsUs: boolean;
  /** LUNs with an unanswered command; a change of ages alone is told at most once in LUN_AGE_REPORT_MS. */
  lunAges: readonly LunAge[];
}

/** What the sender's messages carry; the rest it reads from shared memory. */
export interface Published {
  state: LinkState;
  outageNumber: number;
  settingsVersion: number;
  probationMs: number | null;
  /** Each LUN's oldest unanswered command, by when it came, so that ages grow while the main thread hangs. */
  unanswered: readonly { lun: string; sinceMs: number }[];
}

/** The peer as a heartbeat thread needs it. */
export interface ThreadPeer {
  host: string;
  port: number;
  /** UUID bytes of the server whose messages these are. */
  sender: Uint8Array;
  direction: Direction;
  key: Uint8Array;
}

export interface ThreadData {
  buffer: SharedArrayBuffer;
  versions: { min: number; max: number };
  peer: ThreadPeer | null;
  /** Counts the starts of this thread, from 0. */
  start: number;
  /** Receiver: where to listen. */
  bind: { host: string; port: number };
  /** Sender: what to publish at first. */
  published: Published;
}

export type ThreadCommand =
  | { type: "peer"; peer: ThreadPeer | null }
  | { type: "publish"; published: Published }
  /** Shared memory changed in a way that may bring the next deadline forward. */
  | { type: "wake" };

export type ThreadReport =
  | { type: "event"; event: HeartbeatEvent }
  /** Sender: the receiver is stuck (H5). */
  | { type: "receiver-stuck" }
  /** Receiver: listening. */
  | { type: "bound"; port: number }
  /** Receiver: could not listen; it goes on trying. */
  | { type: "bind-failed"; code: string; message: string };

export const REJECT_REPORT_MS = 10_000;
export const LUN_AGE_REPORT_MS = 1_000;
