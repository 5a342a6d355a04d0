"use client";
/** Outages below each other; one may be open. A running one is open until the reader closes it. */
import type { Outage } from "@lockstep/model";
import { useLive, useNow } from "../shell/live-provider.tsx";
import { OutageRow } from "./outage-row.tsx";

interface OutageListProps {
  outages: readonly Outage[];
  openId: string | null;
  onOpen: (id: string | null) => void;
  showLun?: boolean;
}

const GROWING_MS = 200;
const STILL_MS = 5000;

/** Now, renewed often while something grows; the time of the last figures while they are not live. */
export function useOutageNow(outages: readonly Outage[]): number {
  const growing = outages.some(({ healedAt }) => healedAt === null);
  const now = useNow(growing ? GROWING_MS : STILL_MS);
  const { trust, atMs } = useLive();
  return trust.kind === "live" || atMs === null ? now : atMs;
}

export function OutageList({ outages, openId, onOpen, showLun = true }: OutageListProps) {
  const now = useOutageNow(outages);
  return (
    <ul className="border-t border-rule">
      {outages.map((outage) => (
        <OutageRow
          key={outage.id}
          outage={outage}
          now={now}
          open={outage.id === openId}
          onToggle={() => onOpen(outage.id === openId ? null : outage.id)}
          showLun={showLun}
        />
      ))}
    </ul>
  );
}
