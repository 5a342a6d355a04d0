"use client";
/** The outages known to the server, newest first, page by page, with what the subscription tells laid over them. */
import type { Outage } from "@lockstep/model";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTRPC } from "../../lib/api.ts";
import { useLive, useLiveStore } from "../shell/live-provider.tsx";

const PAGE = 200;

export interface Outages {
  outages: Outage[];
  pending: boolean;
  error: unknown;
  source: "database" | "data path" | null;
  more: (() => void) | null;
}

export function useOutages(lun?: string): Outages {
  const trpc = useTRPC();
  const live = useLiveStore();
  const { trust } = useLive();
  const input = { limit: PAGE, ...(lun === undefined ? {} : { lun }) };
  const query = useInfiniteQuery(
    trpc.outage.list.infiniteQueryOptions(input, { getNextPageParam: (page) => page.nextCursor }),
  );
  const { refetch } = query;
  // What happened while the connection was away is asked for when it is back.
  const isLive = trust.kind === "live";
  useEffect(() => {
    if (isLive) void refetch();
  }, [isLive, refetch]);
  const byId = new Map<string, Outage>();
  for (const page of query.data?.pages ?? []) for (const o of page.outages) byId.set(o.id, o);
  for (const o of live.outages.values()) if (lun === undefined || o.lun === lun) byId.set(o.id, o);
  const outages = [...byId.values()].toSorted(
    (a, b) => Date.parse(b.detectedAt) - Date.parse(a.detectedAt) || a.lun.localeCompare(b.lun),
  );
  return {
    outages,
    pending: query.isPending,
    error: query.error,
    source: query.data?.pages[0]?.source ?? null,
    more: query.hasNextPage ? () => void query.fetchNextPage() : null,
  };
}
