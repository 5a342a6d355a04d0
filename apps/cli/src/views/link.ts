/** The link for people: its state, times, heartbeats, and both connection arrays. */
import { type ConnectionElement, formatSize, type Link } from "@lockstep/model";
import type { Painter } from "../output/painter.ts";
import { countOr, duration, share, UNKNOWN } from "../output/quantities.ts";
import { linkState } from "../output/states.ts";
import { type Column, facts, table } from "../output/table.ts";

const columns: readonly Column[] = [
  { title: "DIRECTION" },
  { title: "I", align: "right" },
  { title: "SOCKET" },
  { title: "STATE" },
  { title: "HEARD", align: "right" },
  { title: "BYTES", align: "right" },
  { title: "IN FLIGHT", align: "right" },
];

export function linkDetail(link: Link, paint: Painter): string {
  const parts = [facts(linkFacts(link, paint), paint)];
  const elements = [
    ...link.connections.map((element) => row("to peer", element, paint)),
    ...link.incoming.map((element) => row("from peer", element, paint)),
  ];
  if (elements.length > 0) parts.push(table(columns, elements, paint));
  return parts.join("\n\n");
}

function linkFacts(link: Link, paint: Painter): (readonly [string, string | null])[] {
  const { settings: s, heartbeat: h, peer } = link;
  const times = `T1 ${s.t1} ms, T2 ${s.t2} ms, T3 ${s.t3} ms, T4 ${s.t4} ms, probation ${s.probation} ms`;
  return [
    ["link", linkState(link.state, paint)],
    ["peer", peerLine(peer)],
    ["probation", link.probationMs === null ? null : `${duration(link.probationMs)} over`],
    [
      "drill",
      link.drillMs === null ? null : `heartbeats silenced for another ${duration(link.drillMs)}`,
    ],
    [
      "settings",
      `${times}, ${s.connections} connections each way (version ${link.settingsVersion})`,
    ],
    [
      "heartbeats",
      `${countOr(h.sent)} sent, ${countOr(h.received)} received, ${countOr(h.missed)} missed`,
    ],
    ["strangers", h.rejected + link.strangers === 0 ? null : strangersLine(link)],
    ["round trip", `${duration(h.rttMs)}, jitter ${duration(h.jitterMs)}`],
    ["loss", `${share(h.lossOut)} out, ${share(h.lossIn)} in`],
  ];
}

/** What was dropped because it did not prove the pairing secret (SPEC L3). */
function strangersLine({ heartbeat, strangers }: Link): string {
  return `${countOr(heartbeat.rejected)} datagrams and ${countOr(strangers)} connections dropped`;
}

export function peerLine(peer: Link["peer"]): string {
  if (peer === null) return "none; pair with `lockstep peer invite` and `lockstep peer join CODE`";
  const version = peer.version === null ? "" : `, version ${peer.version}`;
  return `${peer.name} at ${peer.address}${version}`;
}

function row(direction: string, element: ConnectionElement, paint: Painter): string[] {
  return [
    direction,
    String(element.index),
    element.socket ?? UNKNOWN,
    connectionState(element, paint),
    element.timestampAgeMs === null ? UNKNOWN : `${duration(element.timestampAgeMs)} ago`,
    formatSize(element.bytes),
    countOr(element.inFlight),
  ];
}

function connectionState({ closed, connected }: ConnectionElement, paint: Painter): string {
  if (closed) return paint("red", "closed");
  return connected ? paint("green", "connected") : paint("yellow", "waiting");
}
