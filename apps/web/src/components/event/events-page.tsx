"use client";
/** What happened, newest first, live at the top; narrowed by kind, severity, subject and text. */
import type { EventKind, Severity } from "@lockstep/model";
import { useDeferredValue, useState } from "react";
import { count, plural } from "../../lib/format.ts";
import { problemOf } from "../../lib/problem.ts";
import { eventKinds, eventKindWords, severityWords } from "../../lib/words.ts";
import { useNow, useStatus } from "../shell/live-provider.tsx";
import { Button } from "../ui/button.tsx";
import { Field, Input, Select } from "../ui/input.tsx";
import { Notice } from "../ui/notice.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { EventRow } from "./event-row.tsx";
import { type EventFilter, useEvents } from "./use-events.ts";

const all: EventFilter = { kind: null, severity: null, subject: "", text: "" };
const severities = Object.keys(severityWords) as Severity[];

export function EventsPage() {
  const [filter, setFilter] = useState(all);
  const found = useEvents(useDeferredValue(filter));
  const now = useNow(10_000);
  const { events, loaded, newestAtOpening } = found;
  return (
    <>
      <PageHead
        title="Events"
        note={
          events.length === loaded
            ? `${plural(loaded, "event")} loaded, newest first`
            : `${count(events.length)} of ${count(loaded)} loaded events match`
        }
      />
      <Filters filter={filter} onChange={setFilter} />
      {found.error && <Notice tone="bad" problem={problemOf(found.error)} className="mb-4" />}
      {found.source === "data path" && (
        <Notice tone="wait" className="mb-4">
          The database is away: only what the data path still holds is listed.
        </Notice>
      )}
      <ol className="border-t border-rule-2" aria-label="Events">
        {events.map((event) => (
          <EventRow
            key={event.seq}
            event={event}
            now={now}
            fresh={newestAtOpening !== null && event.seq > newestAtOpening}
          />
        ))}
      </ol>
      {events.length === 0 && !found.pending && (
        <p className="py-6 text-md text-ink-2">
          {loaded === 0 ? "No such event on record." : "None of the loaded events matches."}
        </p>
      )}
      {found.more && (
        <Button className="mt-4" busy={found.fetching} onClick={found.more}>
          Load older events
        </Button>
      )}
    </>
  );
}

interface FiltersProps {
  filter: EventFilter;
  onChange: (filter: EventFilter) => void;
}

function Filters({ filter, onChange }: FiltersProps) {
  const { luns } = useStatus();
  const change = (part: Partial<EventFilter>) => onChange({ ...filter, ...part });
  const subjects = ["link", "server", ...luns.map(({ name }) => name)];
  const narrowed = Object.values(filter).some((value) => value !== null && value !== "");
  return (
    <search className="mb-5 grid grid-cols-2 items-end gap-3 lg:grid-cols-[11rem_9rem_11rem_minmax(0,1fr)_auto]">
      <Field label="Kind">
        {(wiring) => (
          <Select
            {...wiring}
            value={filter.kind ?? ""}
            onChange={(event) =>
              change({
                kind: eventKinds.find((k): k is EventKind => k === event.target.value) ?? null,
              })
            }
          >
            <option value="">any</option>
            {eventKinds.map((kind) => (
              <option key={kind} value={kind}>
                {eventKindWords[kind]}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Severity">
        {(wiring) => (
          <Select
            {...wiring}
            value={filter.severity ?? ""}
            onChange={(event) =>
              change({ severity: severities.find((s) => s === event.target.value) ?? null })
            }
          >
            <option value="">any</option>
            {severities.map((severity) => (
              <option key={severity} value={severity}>
                {severityWords[severity].label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Subject">
        {(wiring) => (
          <>
            <Input
              {...wiring}
              list="event-subjects"
              placeholder="any"
              value={filter.subject}
              onChange={(event) => change({ subject: event.target.value.trim() })}
              className="font-mono"
            />
            <datalist id="event-subjects">
              {subjects.map((subject) => (
                <option key={subject} value={subject} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      <Field label="Text among those loaded">
        {(wiring) => (
          <Input
            {...wiring}
            type="search"
            value={filter.text}
            onChange={(event) => change({ text: event.target.value })}
          />
        )}
      </Field>
      <Button blocked={narrowed ? null : "Nothing is narrowed."} onClick={() => onChange(all)}>
        Show all
      </Button>
    </search>
  );
}
