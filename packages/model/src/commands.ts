/**
 * What can be asked of a data path over its local socket, by the command line and by the backend: one schema for
 * each command's parameters. The protocol is one JSON value a line (see `local-protocol.ts`).
 */
import { z } from "zod";
import { Name } from "./ids.ts";
import { LinkState } from "./link.ts";
import { LunMode, LunState } from "./lun.ts";
import { LinkSettingsPatch } from "./settings.ts";
import { Size } from "./size.ts";

const named = z.object({ name: Name });
const timeoutS = z.number().positive().max(86_400);
const none = z.object({});

export const commands = {
  status: none,
  "peer.invite": none,
  "peer.join": z.object({ code: z.string().min(1).max(1024) }),
  "peer.show": none,
  "peer.remove": none,
  "link.show": none,
  "link.set": LinkSettingsPatch,
  "link.wait": z.object({ state: LinkState, timeoutS }),
  "lun.create": z.object({
    name: Name,
    size: Size,
    number: z.number().int().min(0).max(255).optional(),
    backing: z.string().startsWith("/", "the backing must be an absolute path").optional(),
    existing: z.enum(["refuse", "adopt", "wipe"]).default("refuse"),
  }),
  "lun.list": none,
  "lun.show": named,
  "lun.resize": named.extend({ size: Size }),
  "lun.delete": named,
  "lun.mirror": named.extend({ on: z.boolean() }),
  "lun.mode": named.extend({ mode: LunMode }),
  "lun.pause": named,
  "lun.resume": named,
  "lun.set": named.extend({
    policy: z.enum(["continue"]).optional(),
    journalLimit: Size.optional(),
    writeCache: z.boolean().optional(),
  }),
  "lun.wait": named.extend({ state: LunState, timeoutS }),
  "outage.list": none,
  "outage.show": z.object({ id: z.string() }),
  "event.list": z.object({ since: z.iso.datetime({ offset: true }).optional() }),
  "drill.start": z.object({ seconds: z.number().positive().max(3600).default(10) }),
  "drill.stop": none,
  doctor: none,
} as const;

export type CommandName = keyof typeof commands;
export type CommandInput<C extends CommandName> = z.input<(typeof commands)[C]>;
export type CommandParams<C extends CommandName> = z.output<(typeof commands)[C]>;

/** One finding of `doctor`: what is wrong and what to do. */
export const Finding = z.object({
  severity: z.enum(["ok", "warning", "error"]),
  subject: z.string(),
  message: z.string(),
  remedy: z.string().nullable(),
});
export type Finding = z.infer<typeof Finding>;
