"use client";
/** One heartbeat signal, live: who sends it to whom, when the last one came, and the strip itself. */
import { useCallback } from "react";
import { drawStrip, stripWindowMs } from "../../lib/draw-strip.ts";
import { count, duration } from "../../lib/format.ts";
import { lastHeardMs } from "../../lib/pulses.ts";
import { useLive, useLiveStore, useNow, useStatus } from "../shell/live-provider.tsx";
import { type Frame, useCanvas } from "../ui/use-canvas.ts";

interface StripProps {
  direction: "out" | "in";
  from: string;
  to: string;
}

const UPDATE_MS = 250;

export function HeartbeatStrip({ direction, from, to }: StripProps) {
  const store = useLiveStore();
  const { link } = useStatus();
  const { trust, atMs } = useLive();
  const live = trust.kind === "live";
  const now = useNow(UPDATE_MS);
  const { t1, t2 } = link.settings;
  const draw = useCallback(
    ({ ctx, width, height, colour }: Frame) => {
      const { pulses } = store.trace;
      drawStrip(ctx, {
        width,
        height,
        beats: pulses?.[direction] ?? [],
        known: pulses,
        live,
        nowMs: Date.now(),
        windowMs: stripWindowMs(t2),
        t1Ms: t1,
        t2Ms: t2,
        axis: direction === "in",
        colours: {
          ink: colour("ink"),
          faint: colour("ink-3"),
          grid: colour("grid"),
          bad: colour("bad"),
          badWash: colour("bad-wash"),
          wait: colour("wait"),
          sheet: colour("sheet"),
        },
      });
    },
    [store, direction, live, t1, t2],
  );
  const canvas = useCanvas(draw);
  // One heard before this page was opened is known by its age only.
  const heard = direction === "in" && atMs !== null ? lastHeardMs(link) : null;
  const before = heard === null || atMs === null ? undefined : atMs - heard;
  const last = store.trace.pulses?.[direction].at(-1) ?? before;
  const age = last === undefined || !live ? null : Math.max(0, now - last);
  const total = direction === "out" ? link.heartbeat.sent : link.heartbeat.received;
  const verb = direction === "out" ? "sent" : "received";
  return (
    <div data-testid={`heartbeat-${direction}`} data-count={total}>
      <div className="flex items-baseline gap-2 pb-1 text-sm">
        <span className="font-mono font-medium">
          {from} <span aria-hidden>→</span>
          <span className="sr-only">to</span> {to}
        </span>
        <span className="text-ink-3">{verb}</span>
        <span className="ml-auto whitespace-nowrap text-ink-2">
          last{" "}
          <span className="inline-block min-w-[4.5ch] text-right font-mono">
            {age === null ? "unknown" : duration(Math.round(age / 100) * 100)}
          </span>
          {age !== null && " ago"}
          <span className="hidden text-ink-3 sm:inline">
            {" "}
            · <span className="font-mono">{count(total)}</span> in all
          </span>
        </span>
      </div>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Heartbeats ${verb}, ${from} to ${to}: last ${age === null ? "unknown" : `${duration(age)} ago`}`}
        className={`block w-full border-x border-rule bg-sheet ${direction === "in" ? "h-[88px]" : "h-[72px] border-t"}`}
      />
    </div>
  );
}
