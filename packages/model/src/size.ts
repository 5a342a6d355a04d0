/** Sizes as people write them ("64MiB", "1GiB", "1073741824") and as programs hold them (bytes). */
import { z } from "zod";

const units = { "": 1, b: 1, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 } as const;

/** Bytes of a written size, or null when it is none. Only binary units: "1GB" is refused as ambiguous. */
export function parseSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  if (!match) return null;
  const unit = units[(match[2] ?? "").toLowerCase() as keyof typeof units];
  if (unit === undefined) return null;
  const bytes = Number(match[1]) * unit;
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** A size for people: the largest binary unit that leaves at least 1, with at most two decimals. */
export function formatSize(bytes: number): string {
  const steps = ["B", "KiB", "MiB", "GiB", "TiB"] as const;
  let value = bytes;
  let step = 0;
  while (value >= 1024 && step < steps.length - 1) {
    value /= 1024;
    step++;
  }
  return `${Number(value.toFixed(2))} ${steps[step]}`;
}

/** Accepts a number of bytes or a written size; yields bytes. */
export const Size = z
  .union([z.number().int().nonnegative(), z.string()])
  .transform((value, ctx) => {
    const bytes = typeof value === "number" ? value : parseSize(value);
    if (bytes === null) {
      ctx.addIssue({
        code: "custom",
        message: `"${value}" is no size; write bytes or 64MiB, 1GiB, 2TiB`,
      });
      return z.NEVER;
    }
    return bytes;
  });
