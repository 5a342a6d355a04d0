/** LUNs for people: a table of all, and everything about one. */
import { formatSize, type Lun } from "@lockstep/model";
import type { Painter } from "../output/painter.ts";
import { countOr, duration, percent, sizeOr, UNKNOWN } from "../output/quantities.ts";
import { lunState } from "../output/states.ts";
import { type Column, facts, table } from "../output/table.ts";

const columns: readonly Column[] = [
  { title: "LUN" },
  { title: "SIZE", align: "right" },
  { title: "ROLE" },
  { title: "MODE" },
  { title: "STATE" },
  { title: "BEHIND", align: "right" },
  { title: "QUEUED", align: "right" },
  { title: "DIRTY", align: "right" },
  { title: "HOSTS", align: "right" },
];

export function lunTable(luns: Lun[], paint: Painter): string {
  if (luns.length === 0) return "no LUNs yet; make one with `lockstep lun create NAME --size 1GiB`";
  return table(
    columns,
    luns.map((lun) => row(lun, paint)),
    paint,
  );
}

function row(lun: Lun, paint: Painter): string[] {
  return [
    lun.name,
    formatSize(lun.sizeBytes),
    lun.role,
    lun.mode,
    lunState(lun.state, paint) + (lun.progress === null ? "" : ` ${progress(lun.progress)}`),
    lun.designated ? sizeOr(lun.lag.bytes) : UNKNOWN,
    formatSize(lun.journal.bytes),
    sizeOr(lun.dirty.bytes),
    countOr(lun.sessions?.length ?? null),
  ];
}

function progress({ doneBytes, totalBytes, etaMs }: NonNullable<Lun["progress"]>): string {
  const left = etaMs === null ? "" : `, ${duration(etaMs)} left`;
  return `${percent(doneBytes, totalBytes)} of ${formatSize(totalBytes)}${left}`;
}

export function lunDetail(lun: Lun, paint: Painter): string {
  const { lag, journal, dirty, counters, sessions } = lun;
  const hosts = sessions?.map(({ initiator, address }) => `${initiator} (${address})`);
  return facts(
    [
      ["LUN", paint("bold", lun.name)],
      ["state", lunState(lun.state, paint) + (lun.reason === null ? "" : `: ${lun.reason}`)],
      ["progress", lun.progress === null ? null : `${lun.progress.kind} ${progress(lun.progress)}`],
      ["role", lun.role],
      ["mirrored", `${lun.designated ? "designated" : "not designated"}, ${lun.mode}`],
      ["on outage", lun.policy === "continue" ? "hosts go on" : "hosts are stopped"],
      ["size", `${formatSize(lun.sizeBytes)} (${lun.sizeBytes} bytes)`],
      ["behind", `${sizeOr(lag.bytes)}, ${duration(lag.ms)}`],
      [
        "journal",
        `${formatSize(journal.bytes)} of ${formatSize(journal.limitBytes)}, ${countOr(journal.requests)} requests`,
      ],
      ["dirty", `${countOr(dirty.regions)} regions, ${sizeOr(dirty.bytes)}`],
      ["write cache", lun.writeCache ? "on" : "off"],
      ["backing", `${lun.backing.kind} ${lun.backing.path}`],
      ["target", lun.target.iqn],
      ["LUN number", String(lun.number)],
      ["portals", lun.target.portals.join(", ") || UNKNOWN],
      ["hosts", hosts === undefined ? "not shown this copy" : hosts.join(", ") || "none"],
      ["read", `${countOr(counters.reads)} times, ${formatSize(counters.readBytes)}`],
      ["written", `${countOr(counters.writes)} times, ${formatSize(counters.writeBytes)}`],
      ["uuid", lun.uuid],
    ],
    paint,
  );
}
