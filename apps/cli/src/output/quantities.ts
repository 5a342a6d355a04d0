/** Sizes, durations, moments and shares as people read them. What is unknown is shown as a dash, never as zero. */
import { formatSize } from "@lockstep/model";

export const UNKNOWN = "-";

export function sizeOr(bytes: number | null): string {
  return bytes === null ? UNKNOWN : formatSize(bytes);
}

export function countOr(count: number | null): string {
  return count === null ? UNKNOWN : count.toLocaleString("en-US");
}

/** A duration: "0.42 ms", "850 ms", "12.3 s", "4 min 05 s", "3 h 12 min", "2 d 4 h". */
export function duration(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  if (ms < 10) return `${Number(ms.toFixed(2))} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A share from 0 to 1 as a percentage. */
export function share(value: number | null): string {
  return value === null ? UNKNOWN : `${Number((value * 100).toFixed(1))}%`;
}

/** An ISO moment in local time, to the millisecond: "2026-11-23 09:08:11.120". */
export function moment(iso: string | null): string {
  if (iso === null) return UNKNOWN;
  const at = new Date(iso);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${day} ${time}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** How much of a whole is done, rounded down so that 100% means done. */
export function percent(done: number, total: number): string {
  return total === 0 ? "100%" : `${Math.floor((done / total) * 100)}%`;
}
