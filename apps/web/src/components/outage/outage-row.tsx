"use client";
/** One outage in a list: in brief as a line, and opened up with every time and figure that was recorded (SPEC O7). */
import type { Outage } from "@lockstep/model";
import { clsx } from "clsx";
import { ChevronDown } from "lucide-react";
import { duration, when } from "../../lib/format.ts";
import { at, outageSpan } from "../../lib/timeline.ts";
import { causeWords } from "../../lib/words.ts";
import { Badge } from "../ui/badge.tsx";
import { useWide } from "../ui/use-wide.ts";
import { OutageDetails } from "./outage-details.tsx";
import { PhaseChart } from "./phase-chart.tsx";
import { PhaseLine } from "./phase-line.tsx";

interface OutageRowProps {
  outage: Outage;
  now: number;
  open: boolean;
  onToggle: () => void;
  /** Hidden where all outages are of one LUN. */
  showLun: boolean;
}

const running = { label: "Running", tone: "wait", sign: "timer" } as const;
const healed = { label: "Healed", tone: "ok", sign: "check" } as const;

export function OutageRow({ outage, now, open, onToggle, showLun }: OutageRowProps) {
  const span = outageSpan(outage, now);
  const wide = useWide(900);
  const over = outage.healedAt !== null;
  const panel = `outage-panel-${outage.id}`;
  return (
    <li
      data-testid={`outage-${outage.id}`}
      data-healed={over}
      className={clsx("border-b border-rule", open && "bg-sheet")}
    >
      <h3>
        <button
          type="button"
          aria-expanded={open}
          aria-controls={panel}
          onClick={onToggle}
          className="grid w-full grid-cols-[minmax(0,1fr)_auto_1rem] items-center gap-x-4 gap-y-1.5 px-2 py-2.5 text-left -outline-offset-2 hover:bg-well lg:grid-cols-[minmax(0,13rem)_10rem_minmax(0,1fr)_5.5rem_6rem_1rem]"
        >
          <span className="min-w-0">
            {showLun && <span className="mr-2 font-mono text-md font-semibold">{outage.lun}</span>}
            <span className="text-base">{causeWords[outage.cause].label}</span>
          </span>
          <span className="justify-self-end font-mono text-base whitespace-nowrap lg:justify-self-start">
            {when(at(outage.begunAt), now)}
          </span>
          <PhaseLine
            outage={outage}
            range={span}
            now={now}
            className="col-span-3 row-start-2 h-2.5 lg:col-span-1 lg:row-start-auto"
          />
          <span className="row-start-3 font-mono text-base whitespace-nowrap lg:row-start-auto lg:text-right">
            {duration(span.to - span.from)}
          </span>
          <span className="col-span-2 row-start-3 justify-self-end lg:col-span-1 lg:row-start-auto lg:justify-self-start">
            <Badge words={over ? healed : running} />
          </span>
          <ChevronDown
            size={15}
            aria-hidden
            className={clsx(
              "col-start-3 row-start-1 text-ink-3 lg:col-start-auto lg:row-start-auto",
              open && "rotate-180",
            )}
          />
        </button>
      </h3>
      {open && (
        <div id={panel} className="flex flex-col gap-6 px-2 pt-2 pb-6">
          <PhaseChart outage={outage} now={now} most={wide ? 9 : 3} />
          <OutageDetails outage={outage} now={now} />
        </div>
      )}
    </li>
  );
}
