"use client";
/** Events, newest first: pages of history, and on top of them what the subscription brings, without gaps or doubles. */
import type { Event, EventKind, Severity } from "@lockstep/model";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { keepSubscribed, useTRPC, useTRPCClient } from "../../lib/api.ts";

/** An event as it comes over the wire, where a value that was not there is left out. */
export type SeenEvent = Omit<Event, "before" | "after"> & Partial<Pick<Event, "before" | "after">>;

export interface EventFilter {
  kind: EventKind | null;
  severity: Severity | null;
  subject: string;
  /** Looked for in the message, among the events that are loaded. */
  text: string;
}

const PAGE = 100;
/** Live events kept on the page; older ones are found in the history. */
const MOST_LIVE = 1000;

function passes(event: SeenEvent, { kind, severity, subject }: EventFilter): boolean {
  return (
    (kind === null || event.kind === kind) &&
    (severity === null || event.severity === severity) &&
    (subject === "" || event.subject === subject)
  );
}

function hasText(event: SeenEvent, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return true;
  const { message, subject, actor, kind } = event;
  return [message, subject, actor.who, actor.from, kind].some((part) =>
    part.toLowerCase().includes(wanted),
  );
}

export function useEvents(filter: EventFilter) {
  const trpc = useTRPC();
  const live = useLiveEvents();
  const { kind, severity, subject } = filter;
  const input = {
    limit: PAGE,
    ...(kind === null ? {} : { kinds: [kind] }),
    ...(severity === null ? {} : { severities: [severity] }),
    ...(subject === "" ? {} : { subject }),
  };
  const query = useInfiniteQuery(
    trpc.event.list.infiniteQueryOptions(input, { getNextPageParam: (page) => page.nextCursor }),
  );
  const bySeq = new Map<number, SeenEvent>();
  for (const event of live) if (passes(event, filter)) bySeq.set(event.seq, event);
  for (const page of query.data?.pages ?? []) for (const e of page.events) bySeq.set(e.seq, e);
  const loaded = [...bySeq.values()].toSorted((a, b) => b.seq - a.seq);
  return {
    events: loaded.filter((event) => hasText(event, filter.text)),
    loaded: loaded.length,
    newestAtOpening: query.data?.pages[0]?.events[0]?.seq ?? null,
    pending: query.isPending,
    fetching: query.isFetchingNextPage,
    error: query.error,
    source: query.data?.pages[0]?.source ?? null,
    more: query.hasNextPage ? () => void query.fetchNextPage() : null,
  };
}

/** Events since the page was opened, newest last; after a break it continues behind the last one seen. */
function useLiveEvents(): readonly SeenEvent[] {
  const client = useTRPCClient();
  const [events, setEvents] = useState<readonly SeenEvent[]>([]);
  useEffect(() => {
    let seen: number | undefined;
    return keepSubscribed((ended) =>
      client.event.watch.subscribe(seen === undefined ? {} : { after: seen }, {
        onData: ({ data }) => {
          seen = data.seq;
          setEvents((before) => [...before.slice(1 - MOST_LIVE), data]);
        },
        onError: ended,
        onComplete: ended,
      }),
    );
  }, [client]);
  return events;
}
