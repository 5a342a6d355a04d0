/** Parsers of option values. What they refuse is a usage error that names the option and what was expected. */
import { LinkState, LunState, Size } from "@lockstep/model";
import { InvalidArgumentError } from "commander";

/** A whole number, as for milliseconds and counts; the command's schema knows its limits. */
export function wholeNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Write a whole number.");
}

/** Seconds, whole or not. */
export function seconds(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError("Write seconds, more than 0.");
}

/** A size in bytes. */
export function size(text: string): number {
  const parsed = Size.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError("Write bytes or 64MiB, 1GiB, 2TiB.");
}

export function onOff(text: string): boolean {
  if (text === "on" || text === "off") return text === "on";
  throw new InvalidArgumentError("Write on or off.");
}

export function lunState(text: string): LunState {
  const parsed = LunState.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`Write one of ${LunState.options.join(", ")}.`);
}

export function linkState(text: string): LinkState {
  const parsed = LinkState.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`Write one of ${LinkState.options.join(", ")}.`);
}

const SPAN_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A moment as ISO 8601 in UTC: written so, or as how long ago (90s, 15m, 2h, 3d). */
export function moment(text: string): string {
  const span = /^(\d+)([smhd])$/.exec(text);
  const at = span
    ? Date.now() - Number(span[1]) * SPAN_MS[span[2] as keyof typeof SPAN_MS]
    : Date.parse(text);
  if (Number.isNaN(at)) {
    throw new InvalidArgumentError(
      "Write a time like 2026-11-23T09:00:00Z, or how long ago: 15m, 2h, 3d.",
    );
  }
  return new Date(at).toISOString();
}
