/** A size as it is entered: an amount and a binary unit. The limits are the model's (a test holds them together). */
export const UNITS = { MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;
export type Unit = keyof typeof UNITS;

export const SECTOR_BYTES = 512;
export const SMALLEST_BYTES = 2 ** 20;
export const LARGEST_BYTES = 256 * 2 ** 40;

export interface SizeEntry {
  amount: string;
  unit: Unit;
}

export type SizeCheck = { bytes: number; error: null } | { bytes: null; error: string };

const wrong = (error: string): SizeCheck => ({ bytes: null, error });

export function checkSize({ amount, unit }: SizeEntry): SizeCheck {
  const text = amount.trim().replace(",", ".");
  if (text === "") return wrong("Enter a size");
  if (!/^\d+(\.\d+)?$/.test(text)) return wrong("Enter a number, such as 64 or 1.5");
  const bytes = Number(text) * UNITS[unit];
  if (bytes < SMALLEST_BYTES) return wrong("The smallest LUN has 1 MiB");
  if (bytes > LARGEST_BYTES) return wrong("The largest LUN has 256 TiB");
  if (bytes % SECTOR_BYTES !== 0) return wrong("Use a size that is a multiple of 512 bytes");
  return { bytes, error: null };
}

/** The entry that shows `bytes` without rounding it, in the largest unit that leaves at most three decimals. */
export function entryOf(bytes: number): SizeEntry {
  for (const unit of ["TiB", "GiB"] as const) {
    const amount = bytes / UNITS[unit];
    if (amount >= 1 && Number(amount.toFixed(3)) === amount)
      return { amount: String(amount), unit };
  }
  return { amount: String(bytes / UNITS.MiB), unit: "MiB" };
}
