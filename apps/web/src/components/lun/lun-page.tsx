"use client";
/** One LUN, named by `?name=`: its state and figures, what can be done to it, how hosts reach it, its outages. */
import type { Lun } from "@lockstep/model";
import Link from "next/link";
import { useSearchParams } from "next/navigation";
import { Suspense } from "react";
import { reasonOf } from "../../lib/attention.ts";
import { bytes, plural } from "../../lib/format.ts";
import { lunStateWords } from "../../lib/words.ts";
import { OutageHistory } from "../outage/outage-history.tsx";
import { ProgressLine } from "../overview/lun-summary.tsx";
import { useStatus } from "../shell/live-provider.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { Sheet } from "../ui/sheet.tsx";
import { HostAccess } from "./host-access.tsx";
import { DeleteButton, PauseButton } from "./lun-buttons.tsx";
import { MirrorFacts, StorageFacts } from "./lun-facts.tsx";
import { StateBadge } from "./lun-figures.tsx";
import { ThroughputChart } from "./throughput-chart.tsx";

export function LunPage() {
  return (
    <Suspense fallback={null}>
      <Named />
    </Suspense>
  );
}

function Named() {
  const name = useSearchParams().get("name");
  const { luns, server } = useStatus();
  const lun = luns.find((candidate) => candidate.name === name);
  if (!lun) {
    return (
      <>
        <PageHead title="No such LUN" note={`${server.name} has no LUN named “${name ?? ""}”.`} />
        <Link href="/luns" className="font-medium underline underline-offset-4">
          To all LUNs
        </Link>
      </>
    );
  }
  return <Details lun={lun} />;
}

function Details({ lun }: { lun: Lun }) {
  const role = lun.role === "primary" ? "primary here" : "mirror copy here";
  return (
    <>
      <PageHead
        title={<span className="font-mono tracking-[-0.04em]">{lun.name}</span>}
        note={`${bytes(lun.sizeBytes)}, ${role}, ${plural(lun.sessions?.length ?? 0, "host session")}`}
      >
        <PauseButton lun={lun} />
        <DeleteButton lun={lun} />
      </PageHead>
      <div className="mb-8 flex flex-wrap items-center gap-x-3 gap-y-2">
        <StateBadge lun={lun} large />
        <p className="text-md text-ink-2">{reasonOf(lun) ?? lunStateWords[lun.state].meaning}</p>
        {lun.progress && (
          <div className="w-full max-w-md">
            <ProgressLine lun={lun} progress={lun.progress} />
          </div>
        )}
      </div>
      <div className="grid gap-x-12 gap-y-9 lg:grid-cols-2">
        <Sheet title="Mirroring">
          <MirrorFacts lun={lun} />
        </Sheet>
        <Sheet title="Storage">
          <StorageFacts lun={lun} />
        </Sheet>
        <Sheet
          title="Throughput"
          note="since this page was opened, at most five minutes"
          className="lg:col-span-2"
        >
          <ThroughputChart name={lun.name} />
        </Sheet>
        <Sheet title="Hosts" className="lg:col-span-2">
          <HostAccess lun={lun} />
        </Sheet>
        <OutageHistory lun={lun.name} className="lg:col-span-2" />
      </div>
    </>
  );
}
