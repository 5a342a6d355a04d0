/**
 * The security stage: which method of authentication is used, and the exchange that it needs. A method is an object
 * of its own, so that CHAP will be one more of them; the only one at present is None, which needs no exchange.
 */
import type { TextPair } from "./text.ts";

export type SecurityStep =
  /** Answer these pairs; `done` when the initiator may leave the stage. */
  | { readonly kind: "go-on"; readonly pairs: TextPair[]; readonly done: boolean }
  | { readonly kind: "failed" };

/** The security stage of one login. */
export interface Authentication {
  /** Takes the pairs of one request that belong to security. */
  step(pairs: readonly TextPair[]): SecurityStep;
  /** Whether an initiator may enter the operational stage without having been through this one. */
  readonly optional: boolean;
}

/** Keys that belong to this stage whatever the method. */
export function isSecurityKey(key: string): boolean {
  return key === "AuthMethod" || key.startsWith("CHAP_") || key.startsWith("SRP_");
}

/** No authentication: whoever reaches the portal may log in. */
export class NoAuthentication implements Authentication {
  readonly optional = true;

  step(pairs: readonly TextPair[]): SecurityStep {
    const answers: TextPair[] = [];
    for (const [key, value] of pairs) {
      if (key !== "AuthMethod") return { kind: "failed" };
      if (!value.split(",").includes("None")) return { kind: "failed" };
      answers.push(["AuthMethod", "None"]);
    }
    return { kind: "go-on", pairs: answers, done: true };
  }
}
