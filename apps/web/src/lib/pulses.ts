/**
 * The two heartbeat signals as moments in time. The server tells counters and the age of the newest timestamp a few
 * times a second; from each difference the beats in between are placed, so that the strip shows real beats and real
 * gaps, a T2 apart, and nothing that was not counted.
 */
import type { Link } from "@lockstep/model";

export interface Pulses {
  /** When heartbeats were sent to the peer, and received from it, by the browser's clock, ascending. */
  out: number[];
  in: number[];
  /** From when on this is known, and up to when. */
  sinceMs: number;
  untilMs: number;
}

interface Beats {
  atMs: number;
  sent: number;
  received: number;
}

export const STRIP_KEPT_MS = 130_000;

/** Age of the newest heartbeat heard: each renews the timestamps of both arrays (SPEC H2). */
export function lastHeardMs(link: Link): number | null {
  const ages = [...link.connections, ...link.incoming].flatMap(({ timestampAgeMs }) =>
    timestampAgeMs === null ? [] : [timestampAgeMs],
  );
  return ages.length === 0 ? null : Math.min(...ages);
}

export class PulseTrace {
  pulses: Pulses | null = null;
  #last: Beats | null = null;

  /** Takes in one status. `expectedGapMs`: a longer time since the one before is a gap in knowledge. */
  add(link: Link, atMs: number, expectedGapMs: number): void {
    const { sent, received } = link.heartbeat;
    const last = this.#last;
    this.#last = { atMs, sent, received };
    const broken =
      last === null ||
      this.pulses === null ||
      atMs - last.atMs > expectedGapMs ||
      sent < last.sent ||
      received < last.received;
    if (broken) {
      this.pulses = { out: [], in: [], sinceMs: atMs, untilMs: atMs };
      return;
    }
    const { t2 } = link.settings;
    const age = lastHeardMs(link);
    const { pulses } = this;
    if (!pulses) return;
    place(pulses.in, received - last.received, last.atMs, age === null ? atMs : atMs - age, t2);
    const expected = (pulses.out.at(-1) ?? last.atMs) + t2 * (sent - last.sent);
    // It was sent after the status before, by the count, and not after this one; else it is where it is expected.
    const newest = Math.min(Math.max(expected, last.atMs), atMs);
    place(pulses.out, sent - last.sent, last.atMs, newest, t2);
    pulses.untilMs = atMs;
    pulses.sinceMs = Math.max(pulses.sinceMs, atMs - STRIP_KEPT_MS);
    forget(pulses.in, pulses.sinceMs);
    forget(pulses.out, pulses.sinceMs);
  }

  forget(): void {
    this.pulses = null;
    this.#last = null;
  }
}

/** Appends `count` beats that end at `newest`, `t2` apart, closer where they would begin before the last one. */
function place(beats: number[], count: number, afterMs: number, newest: number, t2: number): void {
  if (count <= 0) return;
  const floor = beats.at(-1) ?? afterMs - t2;
  const last = Math.max(newest, floor + 1);
  const step = Math.min(t2, (last - floor) / count);
  for (let i = count - 1; i >= 0; i--) beats.push(last - i * step);
}

function forget(beats: number[], before: number): void {
  let gone = 0;
  while ((beats[gone] ?? Number.POSITIVE_INFINITY) < before) gone++;
  if (gone > 0) beats.splice(0, gone);
}

/** Stretches without a beat that last longer than `thresholdMs`, within what is known. */
export function gaps(
  beats: readonly number[],
  pulses: Pick<Pulses, "sinceMs" | "untilMs">,
  thresholdMs: number,
): { from: number; to: number }[] {
  const edges = [...beats, pulses.untilMs];
  const found: { from: number; to: number }[] = [];
  let from = pulses.sinceMs;
  for (const edge of edges) {
    if (edge - from > thresholdMs) found.push({ from, to: edge });
    from = edge;
  }
  return found;
}
