/**
 * The link's settings (SPEC "Words", times). All in milliseconds on the monotonic clock. They can be changed while
 * the link runs; they carry a version, and the higher version rules both servers.
 */
import { z } from "zod";

export const MAX_CONNECTIONS = 16;

/** Heartbeat interval T2 down to 20 ms is allowed, so that rehearsals and tests can be short. */
export const MIN_T2_MS = 20;
const MAX_TIME_MS = 600_000;
const time = z.number().int().min(MIN_T2_MS).max(MAX_TIME_MS);

export const LinkSettings = z
  .object({
    /** T1: silence longer than this is an interruption. */
    t1: time,
    /** T2: heartbeat interval. */
    t2: time,
    /** T3: idle time-out of a connection thread. */
    t3: time,
    /** T4: longest wait for a mirror response. */
    t4: time,
    /** P: how long heartbeats must stay before connections are made again. */
    probation: time,
    /** n: connections in each direction. */
    connections: z.number().int().min(1).max(MAX_CONNECTIONS),
  })
  .superRefine((s, ctx) => {
    const wrong = (message: string) => ctx.addIssue({ code: "custom", message });
    if (s.t2 >= s.t1) wrong(`t2 (${s.t2} ms) must be less than t1 (${s.t1} ms)`);
    if (s.t1 > s.t3) wrong(`t1 (${s.t1} ms) must not exceed t3 (${s.t3} ms)`);
    if (s.t3 > s.probation) wrong(`t3 (${s.t3} ms) must not exceed probation (${s.probation} ms)`);
  });
export type LinkSettings = z.infer<typeof LinkSettings>;

export const DEFAULT_LINK_SETTINGS: LinkSettings = {
  t1: 2000,
  t2: 500,
  t3: 5000,
  t4: 2000,
  probation: 5000,
  connections: 2,
};

export const LinkSettingsPatch = z
  .object({ t1: time, t2: time, t3: time, t4: time, probation: time })
  .extend({ connections: z.number().int().min(1).max(MAX_CONNECTIONS) })
  .partial();
export type LinkSettingsPatch = z.infer<typeof LinkSettingsPatch>;
