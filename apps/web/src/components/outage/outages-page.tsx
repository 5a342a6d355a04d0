"use client";
/** The outage timeline: all LUNs over a stretch of time that can be moved and zoomed, and each outage opened up below. */
import type { Outage } from "@lockstep/model";
import { Minus, Plus } from "lucide-react";
import { useSearchParams } from "next/navigation";
import { Suspense, useEffect, useState } from "react";
import { plural } from "../../lib/format.ts";
import { problemOf } from "../../lib/problem.ts";
import { around, outageSpan, type Range, zoom } from "../../lib/timeline.ts";
import { useStatus } from "../shell/live-provider.tsx";
import { Button } from "../ui/button.tsx";
import { Notice } from "../ui/notice.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { Segmented } from "../ui/segmented.tsx";
import { Lanes } from "./lanes.tsx";
import { OutageList, useOutageNow } from "./outage-list.tsx";
import { PhaseLegend } from "./phase-line.tsx";
import { useOutages } from "./use-outages.ts";

const presets = [
  { value: "minutes", label: "10 min" },
  { value: "hour", label: "Hour" },
  { value: "day", label: "Day" },
  { value: "all", label: "All" },
] as const;
type Preset = (typeof presets)[number]["value"];

const LENGTHS: Record<Exclude<Preset, "all">, number> = {
  minutes: 600_000,
  hour: 3_600_000,
  day: 86_400_000,
};
/** Room to the right of now, so that a running outage is seen to end there. */
const AHEAD = 0.02;

function presetRange(preset: Preset, outages: readonly Outage[], now: number): Range {
  const oldest = Math.min(now - LENGTHS.hour, ...outages.map((o) => outageSpan(o, now).from));
  const length = preset === "all" ? (now - oldest) * 1.02 : LENGTHS[preset];
  return { from: now - length, to: now + length * AHEAD };
}

export function OutagesPage() {
  return (
    <Suspense fallback={null}>
      <Timeline />
    </Suspense>
  );
}

function Timeline() {
  const wanted = useSearchParams().get("id");
  const { luns } = useStatus();
  const { outages, pending, error, source, more } = useOutages();
  const now = useOutageNow(outages);
  const running = outages.find(({ healedAt }) => healedAt === null);
  const [chosenView, setView] = useState<Preset | Range | null>(null);
  // A running outage is looked at from near; chosen once, so that its end does not move the view.
  const view = chosenView ?? "hour";
  const isRunning = running !== undefined;
  useEffect(() => {
    if (!pending) setView((before) => before ?? (isRunning ? "minutes" : "hour"));
  }, [pending, isRunning]);
  const [chosen, setChosen] = useState<string | null | undefined>(wanted ?? undefined);
  const openId = chosen === undefined ? (running?.id ?? outages[0]?.id ?? null) : chosen;
  const range = typeof view === "string" ? presetRange(view, outages, now) : view;
  const names = new Set([...luns.map(({ name }) => name), ...outages.map(({ lun }) => lun)]);
  const shown = outages.filter((o) => {
    const span = outageSpan(o, now);
    return span.to >= range.from && span.from <= range.to;
  });
  const open = outages.find(({ id }) => id === openId);
  return (
    <>
      <PageHead title="Outages" note={pending ? "Asking …" : told(outages)}>
        <Segmented
          label="Stretch of time"
          value={typeof view === "string" ? view : null}
          options={presets}
          onChange={setView}
        />
        <Button size="icon" aria-label="Zoom out" onClick={() => setView(zoom(range, 1.8, 50))}>
          <Minus size={15} aria-hidden />
        </Button>
        <Button size="icon" aria-label="Zoom in" onClick={() => setView(zoom(range, 1 / 1.8, 50))}>
          <Plus size={15} aria-hidden />
        </Button>
        <Button
          blocked={open ? null : "No outage is open below."}
          onClick={() => open && setView(around(open, now))}
        >
          Fit the open one
        </Button>
      </PageHead>
      {error !== null && error !== undefined && (
        <Notice tone="bad" problem={problemOf(error)} className="mb-4" />
      )}
      {source === "data path" && (
        <Notice tone="wait" className="mb-4">
          The database is away: only what the data path still holds is listed.
        </Notice>
      )}
      <Lanes
        luns={[...names].toSorted()}
        outages={outages}
        range={range}
        now={now}
        openId={openId}
        onOpen={setChosen}
        onRange={setView}
      />
      <div className="mt-3 mb-8 flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
        <PhaseLegend />
        <p className="hidden text-sm text-ink-3 sm:block">
          Drag to move, <kbd className="font-mono">Ctrl</kbd> + wheel, or + and −, to zoom
        </p>
      </div>
      {shown.length === 0 && !pending ? (
        <p className="py-6 text-md text-ink-2">
          No outage in this stretch of time.{" "}
          {outages.length > 0 && (
            <button
              type="button"
              className="font-medium text-ink underline underline-offset-4"
              onClick={() => setView("all")}
            >
              Show all
            </button>
          )}
        </p>
      ) : (
        <OutageList outages={shown} openId={openId} onOpen={setChosen} />
      )}
      {more && (
        <div className="mt-4">
          <Button onClick={more}>Load older outages</Button>
        </div>
      )}
    </>
  );
}

function told(outages: readonly Outage[]): string {
  const running = outages.filter(({ healedAt }) => healedAt === null).length;
  if (outages.length === 0) return "None on record";
  return `${plural(outages.length, "outage")} on record, ${running === 0 ? "none running" : `${running} running`}`;
}
