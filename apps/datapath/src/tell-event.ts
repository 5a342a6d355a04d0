/** How the parts of the data path tell an audit event (SPEC C2); `before` and `after` in the shapes outsiders know. */
import type { Actor, EventKind, Severity } from "@lockstep/model";

export type TellEvent = (
  kind: EventKind,
  severity: Severity,
  actor: Actor,
  subject: string,
  message: string,
  before: unknown,
  after: unknown,
) => void;

/** Whose doing it is where no person's and no peer's. */
export const SYSTEM: Actor = { who: "system", from: "data path" };
