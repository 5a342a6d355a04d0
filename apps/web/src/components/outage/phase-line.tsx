/** An outage as one line of phases, to scale within `range`. What each stretch is, is told to readers by its title. */
import type { Outage } from "@lockstep/model";
import { clsx } from "clsx";
import { duration } from "../../lib/format.ts";
import { outageLine, type PhaseBar, type Range } from "../../lib/timeline.ts";
import { phaseWords } from "../../lib/words.ts";
import { phaseStyle } from "./phase-style.ts";

interface PhaseLineProps {
  outage: Outage;
  range: Range;
  now: number;
  className?: string;
}

export function PhaseLine({ outage, range, now, className }: PhaseLineProps) {
  return (
    <div aria-hidden className={clsx("relative overflow-hidden bg-rule", className)}>
      {outageLine(outage, range, now).map((bar) => (
        <PhaseBlock key={`${bar.kind} ${bar.from}`} bar={bar} />
      ))}
    </div>
  );
}

export function PhaseBlock({ bar }: { bar: PhaseBar }) {
  const { tone, texture } = phaseStyle[bar.kind];
  return (
    <span
      data-tone={tone}
      title={`${phaseWords[bar.kind].label}: ${duration(bar.to - bar.from)}`}
      className={clsx("absolute inset-y-0 bg-tone-fill", texture)}
      style={{ left: `${bar.leftPct}%`, width: `max(${bar.widthPct}%, 2px)` }}
    >
      {bar.open && <span className="breathe absolute inset-y-0 right-0 w-[3px] bg-ink" />}
    </span>
  );
}

export function PhaseLegend() {
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-1 text-sm text-ink-2">
      {(Object.keys(phaseStyle) as (keyof typeof phaseStyle)[]).map((kind) => (
        <li
          key={kind}
          className="inline-flex items-center gap-1.5"
          title={phaseWords[kind].meaning}
        >
          <span
            aria-hidden
            data-tone={phaseStyle[kind].tone}
            className={clsx("h-2.5 w-4 bg-tone-fill", phaseStyle[kind].texture)}
          />
          {phaseWords[kind].label}
        </li>
      ))}
    </ul>
  );
}
