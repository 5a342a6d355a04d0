/** A time axis, and the grid lines that go down from it. Ticks are round times in the browser's zone. */
import { clock, day } from "../../lib/format.ts";
import { type Range, tickStep, ticks } from "../../lib/timeline.ts";

const HALF_DAY_MS = 43_200_000;
const SECOND_MS = 1000;

function zoneOffsetMs(at: number): number {
  return -new Date(at).getTimezoneOffset() * 60_000;
}

function label(at: number, stepMs: number): string {
  if (stepMs > HALF_DAY_MS) return day(at).slice(5);
  if (stepMs < SECOND_MS) return clock(at, true).slice(6);
  const text = clock(at);
  return stepMs % 60_000 === 0 ? text.slice(0, 5) : text;
}

interface AxisProps {
  range: Range;
  /** About how many labels fit. */
  most: number;
}

export function Axis({ range, most }: AxisProps) {
  const step = tickStep(range, most);
  return (
    <div aria-hidden className="relative h-5 font-mono text-xs text-ink-3">
      {ticks(range, most, zoneOffsetMs(range.to)).map((tick) => (
        <span
          key={tick.at}
          className="absolute bottom-0 -translate-x-1/2 whitespace-nowrap"
          style={{ left: `${Math.min(Math.max(tick.leftPct, 2.5), 97.5)}%` }}
        >
          {label(tick.at, step)}
        </span>
      ))}
    </div>
  );
}

export function Grid({ range, most }: AxisProps) {
  return (
    <div aria-hidden className="pointer-events-none absolute inset-0">
      {ticks(range, most, zoneOffsetMs(range.to)).map((tick) => (
        <span
          key={tick.at}
          className="absolute inset-y-0 w-px bg-rule"
          style={{ left: `${tick.leftPct}%` }}
        />
      ))}
    </div>
  );
}
