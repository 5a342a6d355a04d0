/** One server's whole state as outsiders see it. */
import { z } from "zod";
import { ServerId } from "./ids.ts";
import { Link } from "./link.ts";
import { Lun } from "./lun.ts";

const Pid = z.number().int().nullable();

export const Status = z.object({
  server: z.object({
    name: z.string(),
    uuid: ServerId,
    version: z.string(),
    startedAt: z.iso.datetime(),
    /** What runs was started with other arguments or another version than its supervisor's. */
    restartNeeded: z.boolean(),
  }),
  link: Link,
  luns: z.array(Lun),
  processes: z.object({ supervisor: Pid, datapath: Pid, backend: Pid, database: Pid }),
  /** "away" when the backend is connected but its database is not; null when no backend is connected. */
  database: z.enum(["connected", "away"]).nullable(),
});
export type Status = z.infer<typeof Status>;
