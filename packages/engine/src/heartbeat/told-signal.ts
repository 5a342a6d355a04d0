/**
 * What the peer says about our own heartbeats (SPEC H3): that it does not hear us is an interruption for us too. Known from
 * the flag `hears` of its messages, or from its closed marks where the message with the flag was lost.
 */
import type { Heartbeat } from "./message.ts";

/** unknown: the peer has not heard this start of ours yet, so its silence about us is no interruption. */
export type ToldState = "unknown" | "heard" | "lost";
export type ToldEvent = "hears" | "deaf";

export const TOLD_EDGES = {
  unknown: { hears: "heard", deaf: "unknown" },
  heard: { hears: "heard", deaf: "lost" },
  lost: { hears: "heard", deaf: "lost" },
} as const satisfies Record<ToldState, Record<ToldEvent, ToldState>>;

export class ToldSignal {
  #state: ToldState = "unknown";

  /**
   * Takes an accepted message. `newMarks`: its closed marks, of our epoch, closed an element that was open. Tells whether an
   * interruption towards the peer begins with it, and whether the peer hears us from it on: both where only marks tell.
   */
  receive(
    message: Heartbeat,
    ownBootId: bigint,
    newMarks: boolean,
  ): { began: boolean; heard: boolean } {
    const before = this.#state;
    const hears = message.hears && message.echo?.bootId === ownBootId;
    this.#state = TOLD_EDGES[before][hears ? "hears" : "deaf"];
    const becameDeaf = before === "heard" && this.#state === "lost";
    const began = becameDeaf || (newMarks && before !== "lost");
    return { began, heard: hears && (began || before !== "heard") };
  }

  /** A new boot of the peer knows nothing of us. */
  reset(): void {
    this.#state = "unknown";
  }

  get state(): ToldState {
    return this.#state;
  }
}
