/**
 * Payloads of `open` (primary to mirror, and in the journal) and `opened` (mirror to primary): who begins which stream
 * where, and what the mirror remembers. JSON: they are sent once per connection and LUN, and read by people in dumps.
 */
import { z } from "zod";

const StreamText = z.string().regex(/^[0-9a-f]{16}$/);
const Count = z.number().int().nonnegative();

/** One step of a lineage: `stream` began where `parent` had reached `parentLast`; the first has no parent. */
export const LineageStep = z.object({
  stream: StreamText,
  parent: StreamText.nullable(),
  parentLast: Count,
});
export type LineageStep = z.infer<typeof LineageStep>;

export const OpenPayload = z.object({
  step: LineageStep,
  sizeBytes: Count,
});
export type OpenPayload = z.infer<typeof OpenPayload>;

/** What a mirror copy says of itself when a primary opens its stream. */
export const MirrorReport = z.object({
  /** `none`: nothing was ever mirrored here, all zeroes. `unclean`: an end that may have lost writes. */
  condition: z.enum(["none", "sound", "copying", "unclean"]),
  stream: StreamText.nullable(),
  applied: Count,
});
export type MirrorReport = z.infer<typeof MirrorReport>;

export const RefusedPayload = z.object({ message: z.string().max(500) });

export function encodePayload(
  value: OpenPayload | MirrorReport | z.infer<typeof RefusedPayload>,
): Buffer {
  return Buffer.from(JSON.stringify(value), "utf8");
}

/** The payload as its schema has it, or null where it is not of that shape. */
export function decodePayload<S extends z.ZodType>(schema: S, payload: Buffer): z.output<S> | null {
  try {
    const parsed = schema.safeParse(JSON.parse(payload.toString("utf8")));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
