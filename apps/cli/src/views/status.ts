/** One server at a glance: who it is, its link, its LUNs, its processes. */
import type { Status } from "@lockstep/model";
import type { Painter } from "../output/painter.ts";
import { countOr, duration } from "../output/quantities.ts";
import { linkState } from "../output/states.ts";
import { facts } from "../output/table.ts";
import { peerLine } from "./link.ts";
import { lunTable } from "./lun.ts";

export function statusView(status: Status, paint: Painter): string {
  const { server, link } = status;
  const upMs = Date.now() - Date.parse(server.startedAt);
  const head: (readonly [string, string | null])[] = [
    [
      "server",
      `${paint("bold", server.name)}, version ${server.version}, up ${duration(Math.max(0, upMs))}`,
    ],
    ["attention", server.restartNeeded ? paint("yellow", restartSentence) : null],
    ["link", linkLine(link, paint)],
    ["processes", processLine(status)],
    ["database", status.database ?? "unknown: no backend is connected"],
    ["uuid", server.uuid],
  ];
  return `${facts(head, paint)}\n\n${lunTable(status.luns, paint)}`;
}

const restartSentence =
  "what runs was started with other arguments or another version: restart needed";

function linkLine(link: Status["link"], paint: Painter): string {
  const state = linkState(link.state, paint);
  if (link.state === "unpaired") return state;
  const { rttMs, missed } = link.heartbeat;
  return `${state} to ${peerLine(link.peer)}, round trip ${duration(rttMs)}, ${countOr(missed)} heartbeats missed`;
}

function processLine({ processes }: Status): string {
  return (["supervisor", "datapath", "backend", "database"] as const)
    .map((name) => `${name} ${processes[name] ?? "away"}`)
    .join(", ");
}
