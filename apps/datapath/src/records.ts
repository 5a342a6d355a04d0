/** What the data path keeps stable in its folder for itself (SPEC C2): it starts from these, with no database. */
import { LinkSettings, LunMode, Name, ServerId } from "@lockstep/model";
import { z } from "zod";

export const ServerRecord = z.object({ uuid: ServerId, name: Name });
export type ServerRecord = z.infer<typeof ServerRecord>;

export const PeerRecord = z.object({
  uuid: z.uuid(),
  name: Name,
  host: z.string(),
  mirrorPort: z.number().int(),
  heartbeatPort: z.number().int(),
  /** The pairing secret, hexadecimal. */
  secret: z.string().regex(/^[0-9a-f]{64}$/),
});
export type PeerRecord = z.infer<typeof PeerRecord>;

export const LinkRecord = z.object({
  peer: PeerRecord.nullable(),
  settings: LinkSettings,
  settingsVersion: z.number().int().nonnegative(),
  /** The highest number that was ever agreed on. */
  outageNumber: z.number().int().nonnegative(),
});
export type LinkRecord = z.infer<typeof LinkRecord>;

export const LunRecord = z.object({
  uuid: z.uuid(),
  name: Name,
  number: z.number().int().min(0).max(255),
  sizeBytes: z.number().int().positive(),
  role: z.enum(["primary", "mirror"]),
  mode: LunMode,
  designated: z.boolean(),
  paused: z.boolean(),
  writeCache: z.boolean(),
  journalLimitBytes: z.number().int().positive(),
  backing: z.object({ kind: z.enum(["file", "block"]), path: z.string() }),
});
export type LunRecord = z.infer<typeof LunRecord>;

export const LunTableRecord = z.object({ luns: z.array(LunRecord) });
export type LunTableRecord = z.infer<typeof LunTableRecord>;

/** Of a LUN's journal where the operator set none, bytes. */
export const DEFAULT_JOURNAL_LIMIT_BYTES = 4 * 2 ** 30;
/** The least journal that holds a window and goes on. */
export const MIN_JOURNAL_LIMIT_BYTES = 64 * 2 ** 20;

/** A mark: two copies of this size, in which a full lineage and all suspect ranges fit. */
export const MARK_FILE = { copies: 2, slotBytes: 16 * 1024 } as const;
