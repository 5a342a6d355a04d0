/**
 * Figures over time, kept in the page: each status leaves one small sample. Rates are differences of counters over a
 * window; after a gap or a restart (a counter that fell) a rate is unknown, not 0.
 */
import type { Status } from "@lockstep/model";

export interface LunCounters {
  readBytes: number;
  writeBytes: number;
  reads: number;
  writes: number;
}

export interface Sample {
  /** Browser's clock when the status came, in ms. */
  atMs: number;
  rttMs: number | null;
  jitterMs: number | null;
  lossIn: number | null;
  lossOut: number | null;
  out: readonly number[];
  incoming: readonly number[];
  luns: Readonly<Record<string, LunCounters>>;
}

/** How long samples are kept. At four a second that is 2,400 of them. */
export const KEPT_MS = 600_000;
/** Longer than this between two samples is a gap: no rate is told across it. */
export const GAP_MS = 3000;

export function sampleOf(status: Status, atMs: number): Sample {
  const { heartbeat, connections, incoming } = status.link;
  const counters = status.luns.map(
    ({ name, counters: c }) =>
      [
        name,
        { readBytes: c.readBytes, writeBytes: c.writeBytes, reads: c.reads, writes: c.writes },
      ] as const,
  );
  return {
    atMs,
    rttMs: heartbeat.rttMs,
    jitterMs: heartbeat.jitterMs,
    lossIn: heartbeat.lossIn,
    lossOut: heartbeat.lossOut,
    out: connections.map(({ bytes }) => bytes),
    incoming: incoming.map(({ bytes }) => bytes),
    luns: Object.fromEntries(counters),
  };
}

/** Adds a sample and forgets those past `KEPT_MS`; the array itself is kept. */
export function addSample(samples: Sample[], sample: Sample): void {
  samples.push(sample);
  const oldest = sample.atMs - KEPT_MS;
  let gone = 0;
  while ((samples[gone]?.atMs ?? Number.POSITIVE_INFINITY) < oldest) gone++;
  if (gone > 0) samples.splice(0, gone);
}

export type Pick = (sample: Sample) => number | undefined;

/** Units per second of a counter over the last `windowMs`; null while that is unknown. */
export function rateNow(samples: readonly Sample[], pick: Pick, windowMs = 2000): number | null {
  return rateAt(samples, samples.length - 1, pick, windowMs);
}

export function rateAt(
  samples: readonly Sample[],
  index: number,
  pick: Pick,
  windowMs: number,
): number | null {
  const last = samples[index];
  if (last === undefined) return null;
  let first = last;
  for (let i = index - 1; i >= 0; i--) {
    const earlier = samples[i];
    if (earlier === undefined || first.atMs - earlier.atMs > GAP_MS) break;
    if (last.atMs - first.atMs >= windowMs) break;
    first = earlier;
  }
  const begun = pick(first);
  const ended = pick(last);
  if (first === last || begun === undefined || ended === undefined || ended < begun) return null;
  return ((ended - begun) / (last.atMs - first.atMs)) * 1000;
}

export const readBytesOf =
  (name: string): Pick =>
  (sample) =>
    sample.luns[name]?.readBytes;
export const writeBytesOf =
  (name: string): Pick =>
  (sample) =>
    sample.luns[name]?.writeBytes;

export interface Curve {
  /** Seconds since the epoch, one for each second shown. */
  times: number[];
  values: (number | null)[][];
}

const SHORTEST_CURVE_MS = 60_000;

/**
 * Second by second, over what was watched of the last `spanMs`: what each of `read` tells for the newest sample of that
 * second.
 */
export function curve(
  samples: readonly Sample[],
  spanMs: number,
  read: readonly ((samples: readonly Sample[], index: number) => number | null)[],
): Curve {
  const newest = samples.at(-1);
  if (newest === undefined) return { times: [], values: read.map(() => []) };
  const last = Math.floor(newest.atMs / 1000);
  const watchedMs = newest.atMs - (samples[0]?.atMs ?? newest.atMs);
  const first = last - Math.floor(Math.min(spanMs, Math.max(watchedMs, SHORTEST_CURVE_MS)) / 1000);
  const bySecond = new Map<number, number>();
  for (const [index, { atMs }] of samples.entries()) bySecond.set(Math.floor(atMs / 1000), index);
  const times = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const values = read.map((of) =>
    times.map((second) => {
      const index = bySecond.get(second);
      return index === undefined ? null : of(samples, index);
    }),
  );
  return { times, values };
}
