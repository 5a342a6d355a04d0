"use client";
/**
 * Opens the one connection of the page and keeps `Live` fed from it. What a component shows of the appliance it takes
 * from `useLive` (or, where there must be a status, from `useStatus`).
 */
import type { Status } from "@lockstep/model";
import { QueryClientProvider } from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useState,
  useSyncExternalStore,
} from "react";
import type { Situation } from "../../lib/allowed.ts";
import {
  type ApiClient,
  createApi,
  createQueryClient,
  keepSubscribed,
  TRPCProvider,
} from "../../lib/api.ts";
import { Live, type LiveState, staleBecause } from "../../lib/live.ts";
import { useMe } from "./me.tsx";

const Context = createContext<Live | null>(null);
const CHECK_MS = 250;

function feed(client: ApiClient, live: Live): () => void {
  const statusOver = keepSubscribed((ended) =>
    client.status.watch.subscribe(undefined, {
      onData: (view) => live.takeView(view, Date.now()),
      onError: ended,
      onComplete: ended,
    }),
  );
  const outagesOver = keepSubscribed((ended) =>
    client.outage.watch.subscribe(undefined, {
      onData: (outage) => live.takeOutage(outage),
      onError: ended,
      onComplete: ended,
    }),
  );
  const timer = setInterval(() => live.check(Date.now()), CHECK_MS);
  return () => {
    clearInterval(timer);
    statusOver();
    outagesOver();
  };
}

export function LiveProvider({ children }: { children: ReactNode }) {
  const [live] = useState(() => new Live());
  const [api] = useState(() => createApi(() => live.socketLost()));
  const [queryClient] = useState(createQueryClient);
  useEffect(() => feed(api.client, live), [api, live]);
  return (
    <QueryClientProvider client={queryClient}>
      <TRPCProvider trpcClient={api.client} queryClient={queryClient}>
        <Context value={live}>{children}</Context>
      </TRPCProvider>
    </QueryClientProvider>
  );
}

export function useLiveStore(): Live {
  const live = useContext(Context);
  if (live === null) throw new Error("LiveProvider is missing");
  return live;
}

export function useLive(): LiveState {
  const live = useLiveStore();
  return useSyncExternalStore(live.subscribe, live.get, live.get);
}

/** The newest status; inside `Console` there always is one. */
export function useStatus(): Status {
  const { status } = useLive();
  if (status === null) throw new Error("rendered before the first status");
  return status;
}

/** What decides about what may be done at present. */
export function useSituation(): Situation {
  const { status, trust } = useLive();
  const { me } = useMe();
  if (status === null) throw new Error("rendered before the first status");
  const { link, luns } = status;
  const mirroredFromHere = luns.filter((lun) => lun.role === "primary" && lun.designated).length;
  return { role: me.role, staleBecause: staleBecause(trust), link, mirroredFromHere };
}

/** The browser's clock, renewed every `intervalMs`. */
export function useNow(intervalMs = 1000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), intervalMs);
    return () => clearInterval(timer);
  }, [intervalMs]);
  return now;
}
