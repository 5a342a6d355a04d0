/** A user's mistake or a refused wish: a code, one sentence, and what to do (STYLE "three kinds of wrong"). */
import { z } from "zod";

export const FailureCode = z.enum([
  "usage",
  "not-found",
  "exists",
  "refused",
  "timeout",
  "unreachable",
  "differences",
  "unavailable",
  "internal",
]);
export type FailureCode = z.infer<typeof FailureCode>;

/** The command line's exit status for each code. */
export const EXIT_STATUS = {
  usage: 2,
  "not-found": 1,
  exists: 4,
  refused: 4,
  timeout: 1,
  unreachable: 3,
  differences: 5,
  unavailable: 1,
  internal: 1,
} as const satisfies Record<FailureCode, number>;

export class Failure extends Error {
  readonly code: FailureCode;
  /** What the user can do about it; null when the message says all. */
  readonly hint: string | null;

  constructor(code: FailureCode, message: string, hint: string | null = null) {
    super(message);
    this.name = "Failure";
    this.code = code;
    this.hint = hint;
  }
}
