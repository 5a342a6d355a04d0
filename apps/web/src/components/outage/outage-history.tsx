"use client";
/** The outages of one LUN, on its page. */
import { useState } from "react";
import { plural } from "../../lib/format.ts";
import { problemOf } from "../../lib/problem.ts";
import { Notice } from "../ui/notice.tsx";
import { Sheet } from "../ui/sheet.tsx";
import { OutageList } from "./outage-list.tsx";
import { useOutages } from "./use-outages.ts";

export function OutageHistory({ lun, className }: { lun: string; className?: string }) {
  const { outages, pending, error } = useOutages(lun);
  const running = outages.find(({ healedAt }) => healedAt === null);
  const [chosen, setChosen] = useState<string | null | undefined>();
  const openId = chosen === undefined ? (running?.id ?? null) : chosen;
  return (
    <Sheet
      title="Outages"
      note={pending ? "…" : plural(outages.length, "outage")}
      className={className ?? ""}
    >
      {error !== null && error !== undefined && outages.length === 0 ? (
        <Notice tone="bad" problem={problemOf(error)} />
      ) : outages.length === 0 ? (
        <p className="text-ink-2">{pending ? "Asking …" : "None on record."}</p>
      ) : (
        <OutageList outages={outages} openId={openId} onOpen={setChosen} showLun={false} />
      )}
    </Sheet>
  );
}
