/** What a session needs of the thread it lives in: the targets it can log in to, and a shared turn to flush. */

import type { LoginStatus } from "../login/login-status.ts";
import type { LoginNegotiation } from "../login/negotiation.ts";
import type { SlabPool } from "../pdu/slab.ts";
import type { Unit } from "../scsi/unit.ts";
import type { Session } from "./session.ts";

export type LoginDecision =
  | { readonly kind: "refused"; readonly status: LoginStatus }
  | { readonly kind: "admitted"; readonly tsih: number; readonly units: readonly Unit[] };

export interface SessionHost {
  readonly pool: SlabPool;
  /** Decides over a login whose negotiation is complete, perhaps later: a session that it replaces must end first. */
  admit(
    session: Session,
    login: LoginNegotiation,
    /** The session that the request names; 0: a new one. */
    tsih: number,
    decide: (decision: LoginDecision) => void,
  ): void;
  /** The answer to SendTargets, or null where the value is none that may be asked. */
  sendTargets(session: Session, value: string): string | null;
  /** Flushes the session once in this turn of the event loop, after all that completes in it. */
  flushLater(session: Session): void;
  /** All sessions with access to `unit`, this one among them. */
  sessionsOf(unit: Unit): Iterable<Session>;
  /** The session is over: its connection is closed, and none of its tasks is under way. */
  ended(session: Session, reason: EndReason): void;
}

/** Why a session ended, for counters and the log. */
export type EndReason =
  | "logout"
  | "connection-closed"
  | "connection-error"
  | "login-refused"
  | "login-timeout"
  | "reinstated"
  | "protocol-error"
  | "digest-error"
  | "silent-initiator"
  | "too-much-held"
  | "target-closed"
  | "moved";
