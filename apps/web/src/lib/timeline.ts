/**
 * Outages as drawings: times become positions on a line, to scale. Pure: the outage, the range shown and `now` come
 * in; bars come out, in percent of the width. An outage without an end reaches to `now`, and so does its open phase.
 */
import type { Outage, OutagePhaseKind } from "@lockstep/model";
import { phaseOrder } from "./words.ts";

/** A stretch of time, in ms since the epoch; `from` < `to`. */
export interface Range {
  from: number;
  to: number;
}

/** A stretch drawn: where it begins and how wide it is, in percent of the range, and its true times. */
export interface Bar {
  leftPct: number;
  widthPct: number;
  from: number;
  to: number;
  /** It has not ended: its right edge is now. */
  open: boolean;
}

export interface PhaseBar extends Bar {
  kind: OutagePhaseKind;
}

export interface PhaseRow {
  kind: OutagePhaseKind;
  bars: PhaseBar[];
  totalMs: number;
}

export const at = (time: string): number => Date.parse(time);

/** From the outage's begin to its end, or to now; never empty, so that it can be a range. */
export function outageSpan(outage: Outage, now: number): Range {
  const from = Math.min(at(outage.begunAt), at(outage.detectedAt));
  const to = outage.healedAt === null ? Math.max(now, at(outage.detectedAt)) : at(outage.healedAt);
  return { from, to: Math.max(to, from + 1) };
}

/** The part of `from`..`to` that lies in the range, or null when none does. */
export function placeBar(from: number, to: number, open: boolean, range: Range): Bar | null {
  const clippedFrom = Math.max(from, range.from);
  const clippedTo = Math.min(to, range.to);
  if (clippedTo < clippedFrom || from > range.to || to < range.from) return null;
  const perMs = 100 / (range.to - range.from);
  return {
    leftPct: (clippedFrom - range.from) * perMs,
    widthPct: (clippedTo - clippedFrom) * perMs,
    from,
    to,
    open,
  };
}

interface Stretch {
  kind: OutagePhaseKind;
  from: number;
  to: number;
  open: boolean;
}

/** The phases as stretches within the outage's span, in order of begin; none ends before it begins. */
function stretches(outage: Outage, now: number): Stretch[] {
  const span = outageSpan(outage, now);
  const within = (time: number) => Math.min(Math.max(time, span.from), span.to);
  const found = outage.phases.map(({ kind, at: begun, endedAt }): Stretch => {
    const from = within(at(begun));
    const open = endedAt === null && outage.healedAt === null;
    const to = endedAt === null ? span.to : within(at(endedAt));
    return { kind, from, to: Math.max(from, to), open };
  });
  return found.toSorted((a, b) => a.from - b.from || a.to - b.to);
}

/**
 * One row for each kind of phase that occurred, in the order of `phaseOrder`. Bars of one row never overlap: one that
 * begins while the one before still lasts (probation that starts anew) ends that one.
 */
export function phaseRows(outage: Outage, range: Range, now: number): PhaseRow[] {
  const rows: PhaseRow[] = [];
  for (const kind of phaseOrder) {
    const ofKind = stretches(outage, now).filter((stretch) => stretch.kind === kind);
    if (ofKind.length === 0) continue;
    const ended = takeOver(ofKind);
    const bars = ended.flatMap((stretch) => toBar(stretch, range));
    rows.push({ kind, bars, totalMs: ended.reduce((sum, { from, to }) => sum + to - from, 0) });
  }
  return rows;
}

/** Where one of the same kind begins within another, it takes over, up to where the later of both ends. */
function takeOver(ofKind: Stretch[]): Stretch[] {
  const found: Stretch[] = [];
  for (const next of ofKind) {
    const last = found.at(-1);
    if (last === undefined || next.from >= last.to) {
      found.push({ ...next });
      continue;
    }
    found.push({ ...next, to: Math.max(next.to, last.to), open: next.open || last.open });
    last.to = next.from;
    last.open = false;
  }
  return found;
}

function toBar(stretch: Stretch, range: Range): PhaseBar[] {
  const bar = placeBar(stretch.from, stretch.to, stretch.open, range);
  return bar === null ? [] : [{ ...bar, kind: stretch.kind }];
}

/** Which phase is drawn where several last at once: what tells more about that moment comes first. */
const precedence: Record<OutagePhaseKind, number> = {
  paused: 0,
  silence: 1,
  replay: 2,
  resync: 3,
  probation: 4,
  queueing: 5,
};

/** The whole outage as one line of bars that never overlap: at each moment the phase that tells most. */
export function outageLine(outage: Outage, range: Range, now: number): PhaseBar[] {
  const all = stretches(outage, now);
  const edges = [...new Set(all.flatMap(({ from, to }) => [from, to]))].toSorted((a, b) => a - b);
  const line: Stretch[] = [];
  for (const [index, from] of edges.entries()) {
    const to = edges[index + 1];
    if (to === undefined) break;
    const top = all
      .filter((stretch) => stretch.from <= from && stretch.to >= to)
      .toSorted((a, b) => precedence[a.kind] - precedence[b.kind])[0];
    if (top === undefined) continue;
    const open = top.open && top.to === to;
    const last = line.at(-1);
    if (last?.kind === top.kind && last.to === from) {
      last.to = to;
      last.open = open;
    } else {
      line.push({ kind: top.kind, from, to, open });
    }
  }
  return line.flatMap((stretch) => toBar(stretch, range));
}

export interface Tick {
  at: number;
  leftPct: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((s) => s * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((m) => m * MINUTE),
  ...[1, 2, 3, 6, 12].map((h) => h * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map((d) => d * DAY),
];

export function tickStep(range: Range, most: number): number {
  const span = range.to - range.from;
  return STEPS.find((step) => span / step <= most) ?? Math.ceil(span / most);
}

/** At most `most` + 1 round times within the range, in the zone that is `zoneOffsetMs` ahead of UTC. */
export function ticks(range: Range, most: number, zoneOffsetMs = 0): Tick[] {
  const step = tickStep(range, most);
  const found: Tick[] = [];
  const first = Math.ceil((range.from + zoneOffsetMs) / step) * step - zoneOffsetMs;
  for (let time = first; time <= range.to; time += step) {
    found.push({ at: time, leftPct: ((time - range.from) / (range.to - range.from)) * 100 });
  }
  return found;
}

export const MIN_RANGE_MS = 2 * SECOND;
export const MAX_RANGE_MS = 5 * 365 * DAY;

/** The range made `factor` times as long, with the time at `anchorPct` of the width kept where it is. */
export function zoom(range: Range, factor: number, anchorPct: number): Range {
  const span = range.to - range.from;
  const longer = Math.min(Math.max(span * factor, MIN_RANGE_MS), MAX_RANGE_MS);
  const anchor = range.from + (span * anchorPct) / 100;
  const from = anchor - (longer * anchorPct) / 100;
  return { from, to: from + longer };
}

export function pan(range: Range, sharePct: number): Range {
  const by = ((range.to - range.from) * sharePct) / 100;
  return { from: range.from + by, to: range.to + by };
}

/** The outage with some room at both sides, for a look at it alone. */
export function around(outage: Outage, now: number): Range {
  const span = outageSpan(outage, now);
  const room = Math.max((span.to - span.from) * 0.04, 50);
  return { from: span.from - room, to: span.to + room };
}
