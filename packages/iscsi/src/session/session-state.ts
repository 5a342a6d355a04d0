/** A connection on its way between threads: what the portal hands to a worker, and one worker to another (SPEC S1, S2). */
import type { SessionParameters } from "../login/parameters.ts";
import type { Sense } from "../scsi/sense.ts";

/** A login that has named its target and is not answered yet. Structured-cloneable. */
export interface LoginHandoff {
  readonly fd: number;
  readonly targetName: string;
  readonly initiatorName: string;
  readonly remoteAddress: string;
  /** Login Request not yet answered, and all received after it. */
  readonly bytes: Uint8Array;
  /** Text of requests with the C bit that were answered before. */
  readonly collectedText: string;
  /** StatSN of the next response. */
  readonly statSn: number;
}

/** Where a session begins, or goes on. */
export type SessionStart = Pick<
  SessionState,
  | "targetName"
  | "initiatorName"
  | "remoteAddress"
  | "parameters"
  | "expCmdSn"
  | "skippedCmdSns"
  | "statSn"
  | "nextTargetTag"
  | "text"
>;

/** A session in full feature phase between two threads. Structured-cloneable. */
export interface SessionState {
  readonly fd: number;
  readonly targetName: string;
  readonly initiatorName: string;
  readonly remoteAddress: string;
  readonly isid: string;
  readonly tsih: number;
  readonly cid: number;
  readonly parameters: SessionParameters;
  readonly expCmdSn: number;
  readonly skippedCmdSns: readonly number[];
  readonly statSn: number;
  readonly nextTargetTag: number;
  /** Unit attentions that the initiator has not been told, by LUN. */
  readonly attentions: readonly { readonly lun: number; readonly senses: readonly Sense[] }[];
  /** An unfinished Text request. */
  readonly text: string;
  /** All received and not carried out, as it came. */
  readonly bytes: Uint8Array;
}
