"use client";
/** All LUNs on a narrow screen: the same figures and controls as in the table, one below the other. */
import type { Lun } from "@lockstep/model";
import Link from "next/link";
import { byUrgency, reasonOf } from "../../lib/attention.ts";
import { bytes } from "../../lib/format.ts";
import { ProgressLine } from "../overview/lun-summary.tsx";
import { MirrorSwitch, ModeSwitch } from "./lun-controls.tsx";
import { JournalUse, Lag, StateBadge, Throughput } from "./lun-figures.tsx";

export function LunList({ luns }: { luns: readonly Lun[] }) {
  return (
    <ul className="flex flex-col">
      {luns.toSorted(byUrgency).map((lun) => (
        <li
          key={lun.uuid}
          data-testid={`lun-row-${lun.name}`}
          className="flex flex-col gap-3 border-b border-rule py-4"
        >
          <div className="flex items-start justify-between gap-3">
            <Link href={`/lun?name=${encodeURIComponent(lun.name)}`} className="min-w-0">
              <span className="block truncate font-mono text-lg font-semibold underline decoration-rule-2 underline-offset-4">
                {lun.name}
              </span>
              <span className="text-sm text-ink-3">
                {bytes(lun.sizeBytes)}, {lun.role} here
              </span>
            </Link>
            <StateBadge lun={lun} />
          </div>
          {lun.reason && <p className="text-base text-ink-2">{reasonOf(lun)}</p>}
          {lun.progress && <ProgressLine lun={lun} progress={lun.progress} />}
          <div className="grid grid-cols-2 gap-x-6 gap-y-3">
            <div className="flex items-center gap-3">
              <span className="text-sm text-ink-3">Mirrored</span>
              <MirrorSwitch lun={lun} />
            </div>
            <div className="justify-self-end">
              <ModeSwitch lun={lun} />
            </div>
            <div>
              <div className="text-sm text-ink-3">Behind</div>
              <Lag lun={lun} />
            </div>
            <div className="text-right">
              <Throughput lun={lun} />
            </div>
          </div>
          <div>
            <div className="text-sm text-ink-3">Journal</div>
            <JournalUse lun={lun} />
          </div>
        </li>
      ))}
    </ul>
  );
}
