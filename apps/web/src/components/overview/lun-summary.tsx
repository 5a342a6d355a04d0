"use client";
/** All LUNs in brief, what needs attention first and with the reason. */
import type { Lun } from "@lockstep/model";
import { ChevronRight } from "lucide-react";
import Link from "next/link";
import { attentionOf, byUrgency } from "../../lib/attention.ts";
import { bytes, rate, remaining } from "../../lib/format.ts";
import { rateNow, readBytesOf, writeBytesOf } from "../../lib/samples.ts";
import { lunStateWords } from "../../lib/words.ts";
import { useLiveStore, useStatus } from "../shell/live-provider.tsx";
import { Badge } from "../ui/badge.tsx";
import { Meter } from "../ui/meter.tsx";
import { Sheet } from "../ui/sheet.tsx";

export function LunSummary() {
  const { luns } = useStatus();
  const sorted = luns.toSorted(byUrgency);
  const urgent = sorted.filter((lun) => attentionOf(lun) !== null).length;
  const note =
    luns.length === 0
      ? null
      : urgent === 0
        ? "nothing needs attention"
        : `${urgent} need attention`;
  return (
    <Sheet
      title="LUNs"
      className="sm:col-span-2 xl:col-span-3"
      note={note}
      tools={
        <Link href="/luns" className="text-sm font-medium underline underline-offset-4">
          All, with controls
        </Link>
      }
    >
      {luns.length === 0 ? (
        <p className="text-base text-ink-2">
          There are no LUNs yet.{" "}
          <Link href="/luns" className="font-medium text-ink underline underline-offset-4">
            Create the first
          </Link>
        </p>
      ) : (
        <ul>
          {sorted.map((lun) => (
            <Row key={lun.uuid} lun={lun} />
          ))}
        </ul>
      )}
    </Sheet>
  );
}

function Row({ lun }: { lun: Lun }) {
  const { samples } = useLiveStore();
  const attention = attentionOf(lun);
  return (
    <li className="border-b border-rule last:border-b-0">
      <Link
        href={`/lun?name=${encodeURIComponent(lun.name)}`}
        className="group grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 py-2.5 -outline-offset-2 lg:grid-cols-[11rem_8rem_minmax(0,1fr)_16rem_1rem]"
      >
        <span className="flex min-w-0 items-baseline gap-2">
          <span className="truncate font-mono text-md font-semibold group-hover:underline">
            {lun.name}
          </span>
          <span className="text-sm text-ink-3">{bytes(lun.sizeBytes)}</span>
        </span>
        <span className="justify-self-end lg:justify-self-start">
          <Badge words={lunStateWords[lun.state]} />
        </span>
        <span className="col-span-2 min-w-0 text-base text-ink-2 lg:col-span-1">
          {attention ?? <span className="text-ink-3">{calmLine(lun)}</span>}
          {lun.journal.bytes > 0 && (
            <span className="ml-2 whitespace-nowrap">
              <span className="font-mono text-ink">{bytes(lun.journal.bytes)}</span> queued
            </span>
          )}
          {lun.progress && <ProgressLine lun={lun} progress={lun.progress} />}
        </span>
        <span className="col-span-2 flex gap-4 font-mono text-sm text-ink-2 lg:col-span-1 lg:justify-end">
          {lun.role === "mirror" ? (
            <span className="font-sans text-ink-3">hosts use the peer</span>
          ) : (
            <>
              <Flow name="read" bytesPerSecond={rateNow(samples, readBytesOf(lun.name))} />
              <Flow name="write" bytesPerSecond={rateNow(samples, writeBytesOf(lun.name))} />
            </>
          )}
        </span>
        <ChevronRight size={15} aria-hidden className="hidden text-ink-3 lg:block" />
      </Link>
    </li>
  );
}

function Flow({ name, bytesPerSecond }: { name: string; bytesPerSecond: number | null }) {
  return (
    <span className="whitespace-nowrap">
      <span className="font-sans text-ink-3">{name}</span>{" "}
      <span className="inline-block lg:min-w-[10ch]">{rate(bytesPerSecond)}</span>
    </span>
  );
}

function calmLine(lun: Lun): string {
  const role = lun.role === "primary" ? "Primary here" : "Mirror copy here";
  if (!lun.designated) return `${role}, not designated as mirrored`;
  return `${role}, ${lun.mode === "sync" ? "synchronous" : "asynchronous"}`;
}

export function ProgressLine({
  lun,
  progress,
}: {
  lun: Lun;
  progress: NonNullable<Lun["progress"]>;
}) {
  const { doneBytes, totalBytes, etaMs } = progress;
  const text = `${bytes(doneBytes)} of ${bytes(totalBytes)}, ${
    etaMs === null ? "time left unknown" : `${remaining(etaMs)} left`
  }`;
  return (
    <span className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1">
      <Meter
        label={`${progress.kind} of ${lun.name}`}
        share={totalBytes === 0 ? null : doneBytes / totalBytes}
        tone="work"
        valueText={text}
        className="max-w-48 min-w-28 flex-1"
      />
      <span className="font-mono text-sm whitespace-nowrap text-ink-2">{text}</span>
    </span>
  );
}
