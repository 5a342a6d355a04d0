"use client";
/** A LUN's figures as small pieces, the same in the table, the list on a phone and the LUN's own page. */
import type { Lun } from "@lockstep/model";
import { journalNearlyFull } from "../../lib/attention.ts";
import { bytes, duration, percent, plural, rate } from "../../lib/format.ts";
import { rateNow, readBytesOf, writeBytesOf } from "../../lib/samples.ts";
import { lunStateWords } from "../../lib/words.ts";
import { useLiveStore } from "../shell/live-provider.tsx";
import { Badge } from "../ui/badge.tsx";
import { Meter } from "../ui/meter.tsx";

export function StateBadge({ lun, large = false }: { lun: Lun; large?: boolean }) {
  return (
    <Badge
      words={lunStateWords[lun.state]}
      large={large}
      data-testid={`lun-state-${lun.name}`}
      data-state={lun.state}
      title={lunStateWords[lun.state].meaning}
    />
  );
}

/** How far the mirror is behind. */
export function Lag({ lun }: { lun: Lun }) {
  const { lag, designated } = lun;
  if (!designated) return <span className="text-ink-3">no mirror</span>;
  if (lag.bytes === 0) return <span>in step</span>;
  if (lag.bytes === null) return <span>unknown</span>;
  return (
    <span className="font-mono whitespace-nowrap">
      {bytes(lag.bytes)}
      <span className="block text-sm text-ink-3">
        {lag.ms === null ? "age unknown" : duration(lag.ms)}
      </span>
    </span>
  );
}

export function JournalUse({ lun }: { lun: Lun }) {
  const { bytes: used, requests, limitBytes } = lun.journal;
  // It lies at the primary, and of one that is not heard nothing is known.
  if (limitBytes === 0) return <span>unknown</span>;
  const share = used / limitBytes;
  const text = `${bytes(used)} of ${bytes(limitBytes)}, ${plural(requests, "request")}`;
  return (
    <div className="min-w-28" title={`${text} (${percent(share)})`}>
      <div className="mb-1 flex justify-between gap-2 font-mono text-sm whitespace-nowrap">
        <span>{bytes(used)}</span>
        <span className="text-ink-3">{bytes(limitBytes)}</span>
      </div>
      <Meter
        label={`Journal of ${lun.name}`}
        share={share}
        tone={journalNearlyFull(lun) ? "bad" : used > 0 ? "wait" : "calm"}
        valueText={text}
      />
    </div>
  );
}

export function Throughput({ lun }: { lun: Lun }) {
  const { samples } = useLiveStore();
  if (lun.role === "mirror") return <span className="text-sm text-ink-3">hosts use the peer</span>;
  return (
    <span className="grid grid-cols-[auto_auto] content-start justify-end gap-x-2 font-mono text-sm whitespace-nowrap">
      <span className="font-sans text-ink-3">read</span>
      <span className="min-w-[10ch] text-right">
        {rate(rateNow(samples, readBytesOf(lun.name)))}
      </span>
      <span className="font-sans text-ink-3">write</span>
      <span className="text-right">{rate(rateNow(samples, writeBytesOf(lun.name)))}</span>
    </span>
  );
}
