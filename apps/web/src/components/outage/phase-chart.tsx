/** One outage opened up: a row for each phase, all on one scale, so that what came when and how long is seen at once. */
import type { Outage } from "@lockstep/model";
import { clock, duration } from "../../lib/format.ts";
import { at, outageSpan, type PhaseRow, phaseRows, placeBar } from "../../lib/timeline.ts";
import { phaseWords } from "../../lib/words.ts";
import { Sign } from "../ui/sign.tsx";
import { Axis, Grid } from "./axis.tsx";
import { PhaseBlock } from "./phase-line.tsx";

interface PhaseChartProps {
  outage: Outage;
  now: number;
  /** Labels along the axis; fewer on a narrow screen. */
  most: number;
}

export function PhaseChart({ outage, now, most }: PhaseChartProps) {
  const range = outageSpan(outage, now);
  const rows = phaseRows(outage, range, now);
  return (
    <div className="grid grid-cols-[auto_minmax(0,1fr)_auto] gap-x-3">
      <div className="col-start-2 row-start-1">
        <Axis range={range} most={most} />
      </div>
      <div
        className="relative col-start-2 border-x border-t border-rule"
        style={{ gridRow: `2 / span ${Math.max(1, rows.length)}` }}
      >
        <Grid range={range} most={most} />
        <Detected outage={outage} now={now} />
      </div>
      {rows.map((row, index) => (
        <Row key={row.kind} row={row} line={index + 2} />
      ))}
    </div>
  );
}

function Row({ row, line }: { row: PhaseRow; line: number }) {
  const style = { gridRow: line };
  return (
    <>
      <span className="col-start-1 flex h-7 items-center gap-1.5 text-sm text-ink-2" style={style}>
        <Sign name={phaseWords[row.kind].sign} size={13} />
        {phaseWords[row.kind].label}
      </span>
      <div className="relative col-start-2 my-[7px] h-3.5" style={style}>
        {row.bars.map((bar) => (
          <PhaseBlock key={bar.from} bar={bar} />
        ))}
      </div>
      <span
        className="col-start-3 flex h-7 items-center justify-end font-mono text-sm whitespace-nowrap"
        style={style}
      >
        {duration(row.totalMs)}
      </span>
    </>
  );
}

/** The moment of detection, as a line through all rows. */
function Detected({ outage, now }: { outage: Outage; now: number }) {
  const detected = at(outage.detectedAt);
  const mark = placeBar(detected, detected, false, outageSpan(outage, now));
  if (mark === null) return null;
  return (
    <span
      className="absolute inset-y-0 w-0 border-l border-dashed border-ink"
      style={{ left: `${mark.leftPct}%` }}
      title={`detected ${clock(detected, true)}`}
    />
  );
}
