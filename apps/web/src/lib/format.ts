/**
 * Figures as the console writes them. What is not known is written "unknown", never 0; every figure carries its unit;
 * widths stay steady from one update to the next so that a live column does not dance.
 */

export const UNKNOWN = "unknown";

const SIZE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** Three significant digits in the largest binary unit that leaves at least 1. */
export function bytes(value: number | null): string {
  if (value === null) return UNKNOWN;
  let scaled = value;
  let unit = 0;
  while (Math.abs(scaled) >= 1023.5 && unit < SIZE_UNITS.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${significant(scaled, unit === 0)} ${SIZE_UNITS[unit]}`;
}

function significant(value: number, whole: boolean): string {
  if (whole || Number.isInteger(value)) return String(Math.round(value));
  if (value >= 99.95) return value.toFixed(0);
  return value.toFixed(value >= 9.995 ? 1 : 2);
}

export function rate(bytesPerSecond: number | null): string {
  return bytesPerSecond === null ? UNKNOWN : `${bytes(bytesPerSecond)}/s`;
}

/** Bytes with every digit, for details. */
export function exactBytes(value: number): string {
  return `${count(value)} bytes`;
}

/** A whole number with thin spaces between thousands. */
export function count(value: number | null): string {
  if (value === null) return UNKNOWN;
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

/** A span of time for people: "0.42 ms", "850 ms", "3.2 s", "4 min 05 s", "2 h 10 min", "3 d 4 h". */
export function duration(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  if (ms < 0) return duration(0);
  if (ms < 10 && ms > 0) return `${ms.toFixed(2)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A time left: rounded up, in coarse steps, since it is an estimate. */
export function remaining(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  return ms < 60_000 ? `${Math.max(1, Math.ceil(ms / 1000))} s` : duration(ms);
}

/** A share of 0 to 1 in per cent; small shares are not rounded away to nothing. */
export function percent(share: number | null): string {
  if (share === null) return UNKNOWN;
  if (share > 0 && share < 0.001) return "< 0.1 %";
  if (share < 1 && share > 0.999) return "99.9 %";
  const value = share * 100;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} %`;
}

/** Time of day in the browser's zone: 09:12:03, with milliseconds 09:12:03.482. */
export function clock(atMs: number, milliseconds = false): string {
  const at = new Date(atMs);
  const text = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  return milliseconds ? `${text}.${pad(at.getMilliseconds(), 3)}` : text;
}

/** Day and time of day: 2026-11-23 09:12:03. */
export function dayAndClock(atMs: number, milliseconds = false): string {
  return `${day(atMs)} ${clock(atMs, milliseconds)}`;
}

export function day(atMs: number): string {
  const at = new Date(atMs);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
}

/** The clock alone for today, with the day before it for any other day. */
export function when(atMs: number, nowMs: number): string {
  return day(atMs) === day(nowMs) ? clock(atMs) : dayAndClock(atMs);
}

function pad(value: number, width = 2): string {
  return String(value).padStart(width, "0");
}

/** "1 request", "3 requests". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
