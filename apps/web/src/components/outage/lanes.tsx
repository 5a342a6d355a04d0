"use client";
/**
 * One lane for each LUN over a common stretch of time, every outage on it to scale (two pixels at least). Drag or use the
 * arrow keys to move in time, the wheel with Ctrl or the keys + and - to zoom; a press on an outage opens it below.
 */
import type { Outage } from "@lockstep/model";
import { clsx } from "clsx";
import { type KeyboardEvent, type PointerEvent, useEffect, useRef } from "react";
import { duration, when } from "../../lib/format.ts";
import { at, outageSpan, pan, placeBar, type Range, zoom } from "../../lib/timeline.ts";
import { causeWords } from "../../lib/words.ts";
import { useWide } from "../ui/use-wide.ts";
import { Axis, Grid } from "./axis.tsx";
import { PhaseLine } from "./phase-line.tsx";

interface LanesProps {
  luns: readonly string[];
  outages: readonly Outage[];
  range: Range;
  now: number;
  openId: string | null;
  onOpen: (id: string) => void;
  onRange: (range: Range) => void;
}

const keys: Record<string, (range: Range) => Range> = {
  ArrowLeft: (range) => pan(range, -15),
  ArrowRight: (range) => pan(range, 15),
  "+": (range) => zoom(range, 0.6, 50),
  "=": (range) => zoom(range, 0.6, 50),
  "-": (range) => zoom(range, 1 / 0.6, 50),
};

export function Lanes(props: LanesProps) {
  const { luns, range, now, onRange } = props;
  const field = useRef<HTMLFieldSetElement>(null);
  const most = useWide(900) ? 9 : 3;
  useWheelZoom(field, range, onRange);
  const drag = useDrag(range, onRange);
  const press = (event: KeyboardEvent) => {
    const change = keys[event.key];
    if (!change) return;
    event.preventDefault();
    onRange(change(range));
  };
  const nowPct = placeBar(now, now, false, range)?.leftPct;
  return (
    <div className="grid grid-cols-[5.5rem_minmax(0,1fr)] sm:grid-cols-[8rem_minmax(0,1fr)]">
      <span />
      <Axis range={range} most={most} />
      <div className="flex flex-col border-t border-rule">
        {luns.map((lun) => (
          <span
            key={lun}
            className="flex h-9 items-center truncate border-b border-rule pr-3 font-mono text-base font-medium"
          >
            <span className="truncate">{lun}</span>
          </span>
        ))}
      </div>
      <fieldset
        ref={field}
        aria-label="Outages over time; arrow keys move, plus and minus zoom"
        onKeyDown={press}
        {...drag}
        className="relative min-w-0 cursor-grab touch-pan-y border-x border-t border-rule bg-sheet active:cursor-grabbing"
      >
        <Grid range={range} most={most} />
        {luns.map((lun) => (
          <Lane key={lun} {...props} lun={lun} />
        ))}
        {nowPct !== undefined && (
          <span
            aria-hidden
            className="pointer-events-none absolute inset-y-0 w-px bg-ink"
            style={{ left: `${nowPct}%` }}
            title="now"
          />
        )}
      </fieldset>
    </div>
  );
}

function Lane({ lun, outages, range, now, openId, onOpen }: LanesProps & { lun: string }) {
  return (
    <div className="relative h-9 border-b border-rule">
      {outages
        .filter((outage) => outage.lun === lun)
        .map((outage) => {
          const span = outageSpan(outage, now);
          const bar = placeBar(span.from, span.to, outage.healedAt === null, range);
          if (bar === null) return null;
          const shown = { from: Math.max(span.from, range.from), to: Math.min(span.to, range.to) };
          const told = `${lun}: ${causeWords[outage.cause].label}, ${when(at(outage.begunAt), now)}, ${duration(span.to - span.from)}${bar.open ? ", running" : ""}`;
          return (
            <button
              key={outage.id}
              type="button"
              aria-label={told}
              aria-pressed={outage.id === openId}
              title={told}
              onClick={() => onOpen(outage.id)}
              className={clsx(
                "absolute inset-y-1.5 min-w-1",
                outage.id === openId && "outline-2 outline-offset-2 outline-ink",
              )}
              style={{ left: `${bar.leftPct}%`, width: `${bar.widthPct}%` }}
            >
              <PhaseLine outage={outage} range={shown} now={now} className="size-full" />
            </button>
          );
        })}
    </div>
  );
}

/** React listens to wheels passively, so that it could not keep the page from zooming. */
function useWheelZoom(
  field: React.RefObject<HTMLElement | null>,
  range: Range,
  onRange: (range: Range) => void,
): void {
  const latest = useRef({ range, onRange });
  useEffect(() => {
    latest.current = { range, onRange };
  }, [range, onRange]);
  useEffect(() => {
    const element = field.current;
    if (!element) return;
    const turn = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const anchor = ((event.clientX - box.left) / box.width) * 100;
      latest.current.onRange(zoom(latest.current.range, 1.002 ** event.deltaY, anchor));
    };
    element.addEventListener("wheel", turn, { passive: false });
    return () => element.removeEventListener("wheel", turn);
  }, [field]);
}

const DRAG_FROM_PX = 4;

function useDrag(range: Range, onRange: (range: Range) => void) {
  const start = useRef<{ x: number; range: Range; moved: boolean } | null>(null);
  return {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      if (event.button === 0) start.current = { x: event.clientX, range, moved: false };
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      const begun = start.current;
      if (begun === null) return;
      const by = event.clientX - begun.x;
      if (!begun.moved && Math.abs(by) < DRAG_FROM_PX) return;
      if (!begun.moved) event.currentTarget.setPointerCapture(event.pointerId);
      begun.moved = true;
      onRange(pan(begun.range, (-by / event.currentTarget.clientWidth) * 100));
    },
    onPointerUp: () => {
      start.current = null;
    },
    onPointerCancel: () => {
      start.current = null;
    },
  };
}
