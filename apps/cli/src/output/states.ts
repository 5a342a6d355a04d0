/** The colour of each state: green is as it should be, yellow is on its way or degraded, red needs somebody. */
import type { Finding, LinkState, LunState, Severity } from "@lockstep/model";
import type { Painter, Style } from "./painter.ts";

const lunStyles = {
  unmirrored: "dim",
  initializing: "yellow",
  mirrored: "green",
  queueing: "yellow",
  probation: "yellow",
  replaying: "yellow",
  resyncing: "yellow",
  paused: "yellow",
  stopped: "red",
  "split-brain": "red",
} as const satisfies Record<LunState, Style>;

const linkStyles = {
  unpaired: "dim",
  connecting: "yellow",
  up: "green",
  interrupted: "red",
  probation: "yellow",
} as const satisfies Record<LinkState, Style>;

const severityStyles = {
  ok: "green",
  info: "dim",
  warning: "yellow",
  error: "red",
} as const satisfies Record<Severity | Finding["severity"], Style>;

export const lunState = (state: LunState, paint: Painter) => paint(lunStyles[state], state);
export const linkState = (state: LinkState, paint: Painter) => paint(linkStyles[state], state);
export const severity = (level: Severity | Finding["severity"], paint: Painter) =>
  paint(severityStyles[level], level);
