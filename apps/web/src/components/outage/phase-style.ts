/** How each phase is drawn: a tone, and a texture that tells it apart without colour. */
import type { OutagePhaseKind } from "@lockstep/model";
import type { Tone } from "../../lib/words.ts";

export const phaseStyle = {
  silence: { tone: "bad", texture: "" },
  queueing: { tone: "wait", texture: "dots" },
  paused: { tone: "calm", texture: "dots" },
  probation: { tone: "calm", texture: "hatch" },
  replay: { tone: "work", texture: "" },
  resync: { tone: "work", texture: "hatch" },
} as const satisfies Record<OutagePhaseKind, { tone: Tone; texture: string }>;
