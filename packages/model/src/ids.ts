/** Branded identifiers. A brand costs nothing at run time and keeps a LUN id out of a server id's place. */
import { z } from "zod";

export const ServerId = z.uuid().brand<"ServerId">();
export type ServerId = z.infer<typeof ServerId>;

export const LunId = z.uuid().brand<"LunId">();
export type LunId = z.infer<typeof LunId>;

/** A name of a server or a LUN: part of an iSCSI qualified name, so RFC 3722's lower-case set. */
export const Name = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
    "use 1 to 40 lower-case letters, digits and hyphens, beginning and ending with a letter or digit",
  );

/** The iSCSI qualified name under which `server` serves the LUN `lun` (RFC 7143 section 4.2.7.2). */
export function targetIqn(server: string, lun: string): string {
  return `iqn.2026-11.dev.lockstep:${server}.${lun}`;
}
