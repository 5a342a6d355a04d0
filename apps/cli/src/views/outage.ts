/** Outages for people: a table of all, and the timeline of one. */
import { formatSize, type Outage } from "@lockstep/model";
import type { Painter } from "../output/painter.ts";
import { countOr, duration, moment } from "../output/quantities.ts";
import { type Column, facts, table } from "../output/table.ts";

const columns: readonly Column[] = [
  { title: "ID" },
  { title: "LUN" },
  { title: "DETECTED" },
  { title: "CAUSE" },
  { title: "SEEN BY" },
  { title: "LASTED", align: "right" },
  { title: "QUEUE PEAK", align: "right" },
  { title: "HEALED WITH", align: "right" },
];

function lasted({ begunAt, healedAt }: Outage, paint: Painter): string {
  if (healedAt === null) return paint("red", "lasts");
  return duration(Date.parse(healedAt) - Date.parse(begunAt));
}

export function outageTable(outages: Outage[], paint: Painter): string {
  if (outages.length === 0) return "no outages";
  const rows = outages.map((outage) => [
    outage.id,
    outage.lun,
    moment(outage.detectedAt),
    outage.cause,
    outage.seenBy,
    lasted(outage, paint),
    formatSize(outage.peakQueue.bytes),
    formatSize(outage.healBytes),
  ]);
  return table(columns, rows, paint);
}

export function outageDetail(outage: Outage, paint: Painter): string {
  const peak = `${formatSize(outage.peakQueue.bytes)} in ${countOr(outage.peakQueue.requests)} requests`;
  const head = facts(
    [
      ["outage", outage.id],
      ["LUN", outage.lun],
      ["cause", outage.cause],
      ["seen by", outage.seenBy],
      ["begun", moment(outage.begunAt)],
      ["detected", moment(outage.detectedAt)],
      ["healed", outage.healedAt === null ? paint("red", "not yet") : moment(outage.healedAt)],
      ["lasted", lasted(outage, paint)],
      ["queue peak", peak],
      ["healed with", formatSize(outage.healBytes)],
      [
        "longest wait",
        outage.longestHostWaitMs === null ? "no host waited" : duration(outage.longestHostWaitMs),
      ],
    ],
    paint,
  );
  const phases = outage.phases.map(({ kind, at, endedAt }) => [
    kind,
    moment(at),
    endedAt === null ? paint("yellow", "lasts") : duration(Date.parse(endedAt) - Date.parse(at)),
  ]);
  const titles = [
    { title: "PHASE" },
    { title: "FROM" },
    { title: "LASTED", align: "right" as const },
  ];
  return `${head}\n\n${table(titles, phases, paint)}`;
}
