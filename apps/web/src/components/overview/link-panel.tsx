"use client";
/** Between the servers: both heartbeat signals, the state of the link in plain words, and its figures. */
import NextLink from "next/link";
import type { ReactNode } from "react";
import { count, duration, percent } from "../../lib/format.ts";
import { linkSentence } from "../../lib/link-sentence.ts";
import { lastHeardMs } from "../../lib/pulses.ts";
import { linkStateWords } from "../../lib/words.ts";
import { useStatus } from "../shell/live-provider.tsx";
import { Badge } from "../ui/badge.tsx";
import { Meter } from "../ui/meter.tsx";
import { HeartbeatStrip } from "./heartbeat-strip.tsx";

export function LinkPanel() {
  const { server, link } = useStatus();
  const { peer, heartbeat } = link;
  if (peer === null) return <NoPeer />;
  const heard = lastHeardMs(link);
  // Measured on what came; nothing comes at present, so nothing is known of it.
  const silent = heard === null || heard > link.settings.t1;
  const now = (figure: number | null) => (silent ? null : figure);
  return (
    <section
      aria-label="Link"
      className="order-first min-w-0 sm:col-span-2 xl:order-none xl:col-span-1"
    >
      <div className="mb-3 flex min-h-8 flex-wrap items-center gap-x-3 gap-y-1">
        <Badge
          words={linkStateWords[link.state]}
          large
          data-testid="link-state"
          data-state={link.state}
        />
        <p className="text-base text-ink-2">{linkSentence(link)}</p>
        {link.probationMs !== null && (
          <Probation doneMs={link.probationMs} wholeMs={link.settings.probation} />
        )}
      </div>
      {link.drillMs !== null && <DrillNote leftMs={link.drillMs} />}
      <HeartbeatStrip direction="out" from={server.name} to={peer.name} />
      <div className="h-3" />
      <HeartbeatStrip direction="in" from={peer.name} to={server.name} />
      <dl className="mt-4 grid grid-cols-2 gap-y-3 border-t border-rule pt-3 sm:grid-cols-3 md:grid-cols-6">
        <Figure name="Round trip">{duration(now(heartbeat.rttMs))}</Figure>
        <Figure name="Jitter">{duration(now(heartbeat.jitterMs))}</Figure>
        <Figure name={`Lost to ${peer.name}`}>{percent(now(heartbeat.lossOut))}</Figure>
        <Figure name={`Lost from ${peer.name}`}>{percent(now(heartbeat.lossIn))}</Figure>
        <Figure name="Missed">{count(heartbeat.missed)}</Figure>
        <Figure name="Refused">{count(heartbeat.rejected + link.strangers)}</Figure>
      </dl>
    </section>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="min-w-0 pr-3">
      <dt className="truncate text-sm text-ink-3">{name}</dt>
      <dd className="font-mono text-md font-medium">{children}</dd>
    </div>
  );
}

/** Probation as it fills; in the line of the state, so that the strips below keep their place. */
function Probation({ doneMs, wholeMs }: { doneMs: number; wholeMs: number }) {
  const text = `${duration(doneMs)} of ${duration(wholeMs)}`;
  return (
    <div className="flex min-w-56 flex-1 items-center gap-3" data-testid="probation">
      <Meter
        label="Probation"
        share={doneMs / wholeMs}
        tone="wait"
        valueText={text}
        className="h-2.5 flex-1"
      />
      <span className="font-mono text-base font-medium whitespace-nowrap">{text}</span>
    </div>
  );
}

function DrillNote({ leftMs }: { leftMs: number }) {
  return (
    <p className="mb-3 text-base">
      <strong className="font-semibold">Drill:</strong> this server’s heartbeats are silenced on
      purpose, {duration(leftMs)} left.{" "}
      <NextLink href="/link" className="underline underline-offset-4">
        End it
      </NextLink>
    </p>
  );
}

function NoPeer() {
  return (
    <section
      aria-label="Link"
      className="order-first flex min-w-0 flex-col items-start gap-3 sm:col-span-2 xl:order-none"
    >
      <Badge words={linkStateWords.unpaired} large data-testid="link-state" data-state="unpaired" />
      <p className="max-w-prose text-md text-ink-2">
        This server has no peer yet, so nothing is mirrored and there are no heartbeats to show.
        Make an invitation here and join with it on the other server, or the other way round.
      </p>
      <NextLink href="/link" className="font-medium underline underline-offset-4">
        Pair it with a second server
      </NextLink>
    </section>
  );
}
