"use client";
/** One event; where it changed configuration, the values before and after open below it. */
import { clsx } from "clsx";
import { ChevronDown } from "lucide-react";
import { useState } from "react";
import { differences } from "../../lib/diff.ts";
import { dayAndClock, when } from "../../lib/format.ts";
import { eventKindWords, severityWords } from "../../lib/words.ts";
import { Badge } from "../ui/badge.tsx";
import type { SeenEvent } from "./use-events.ts";

interface EventRowProps {
  event: SeenEvent;
  now: number;
  /** It came while this page was open. */
  fresh: boolean;
}

const row =
  "grid w-full grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 gap-y-1 px-2 py-2.5 text-left lg:grid-cols-[9.5rem_5.75rem_8.5rem_6.5rem_minmax(0,1fr)_9.5rem_1rem]";

export function EventRow({ event, now, fresh }: EventRowProps) {
  const [open, setOpen] = useState(false);
  const changed = differences(event.before, event.after);
  const inner = <Line event={event} now={now} mark={changed.length > 0} open={open} />;
  return (
    <li
      data-testid={`event-${event.seq}`}
      data-kind={event.kind}
      className={clsx("border-b border-rule", fresh && "rise bg-sheet")}
    >
      {changed.length === 0 ? (
        <div className={row}>{inner}</div>
      ) : (
        <button
          type="button"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
          className={clsx(row, "-outline-offset-2 hover:bg-well")}
        >
          {inner}
        </button>
      )}
      {open && (
        <dl className="mb-3 ml-2 grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 border-l-2 border-rule-2 pl-3 font-mono text-sm lg:ml-[16.75rem]">
          {changed.map(({ path, before, after }) => (
            <div key={path} className="col-span-2 grid grid-cols-subgrid">
              <dt className="text-ink-3">{path === "" ? "value" : path}</dt>
              <dd className="break-all">
                {before === null ? (
                  <span className="font-sans text-ink-3">nothing</span>
                ) : (
                  <del className="text-ink-2">{before}</del>
                )}{" "}
                <span className="text-ink-3">→</span>{" "}
                {after === null ? (
                  <span className="font-sans text-ink-3">nothing</span>
                ) : (
                  <ins className="font-semibold no-underline">{after}</ins>
                )}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  );
}

function Line({
  event,
  now,
  mark,
  open,
}: Omit<EventRowProps, "fresh"> & { mark: boolean; open: boolean }) {
  const atMs = Date.parse(event.at);
  const { who, from } = event.actor;
  return (
    <>
      <time
        dateTime={event.at}
        title={dayAndClock(atMs, true)}
        className="row-start-2 font-mono text-sm text-ink-2 lg:row-start-auto lg:text-base"
      >
        {when(atMs, now)}
      </time>
      <span className="row-start-2 justify-self-end lg:row-start-auto lg:justify-self-start">
        <Badge words={severityWords[event.severity]} />
      </span>
      <span className="row-start-1 font-medium lg:row-start-auto lg:font-normal">
        {eventKindWords[event.kind]}
      </span>
      <span className="row-start-1 justify-self-end truncate font-mono lg:row-start-auto lg:justify-self-start">
        {event.subject}
      </span>
      <span className="col-span-2 lg:col-span-1">{event.message}</span>
      <span
        className="col-span-2 truncate text-sm text-ink-3 lg:col-span-1"
        title={`${who}, ${from}`}
      >
        {who === "system" ? "" : `${who}, ${from}`}
      </span>
      {mark && (
        <ChevronDown
          size={15}
          aria-label="values before and after"
          className={clsx(
            "col-start-2 row-start-4 text-ink-3 lg:col-start-auto lg:row-start-auto",
            open && "rotate-180",
          )}
        />
      )}
    </>
  );
}
