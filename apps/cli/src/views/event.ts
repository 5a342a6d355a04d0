/** Events for people, oldest first, as a log is read. */
import type { Event } from "@lockstep/model";
import type { Painter } from "../output/painter.ts";
import { moment } from "../output/quantities.ts";
import { severity } from "../output/states.ts";
import { type Column, table } from "../output/table.ts";

const columns: readonly Column[] = [
  { title: "SEQ", align: "right" },
  { title: "AT" },
  { title: "SEVERITY" },
  { title: "KIND" },
  { title: "SUBJECT" },
  { title: "BY" },
  { title: "MESSAGE" },
];

export function eventTable(events: Event[], paint: Painter): string {
  if (events.length === 0) return "no events";
  const rows = events.map((event) => [
    String(event.seq),
    moment(event.at),
    severity(event.severity, paint),
    event.kind,
    event.subject,
    event.actor.who,
    event.message,
  ]);
  return table(columns, rows, paint);
}
