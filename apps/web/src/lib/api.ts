/**
 * The console's way to the API: requests over HTTP, subscriptions over one WebSocket that pings the server each second,
 * so that a lost server is noticed, and that connects again by itself. Both carry the session's cookie.
 */
import type { AppRouter } from "@lockstep/api";
import { QueryClient } from "@tanstack/react-query";
import { createTRPCClient, createWSClient, httpBatchLink, splitLink, wsLink } from "@trpc/client";
import { createTRPCContext } from "@trpc/tanstack-react-query";
import { isAnswered } from "./problem.ts";

export const { TRPCProvider, useTRPC, useTRPCClient } = createTRPCContext<AppRouter>();

const PING_MS = 1000;
const PONG_TIMEOUT_MS = 1500;
const MAX_RETRY_MS = 2000;

export function createApi(onSocketClosed: () => void) {
  const { protocol, host, origin } = globalThis.location;
  const wsClient = createWSClient({
    url: `${protocol === "https:" ? "wss:" : "ws:"}//${host}/trpc`,
    retryDelayMs: (attempt) => Math.min(250 * 2 ** attempt, MAX_RETRY_MS),
    keepAlive: { enabled: true, intervalMs: PING_MS, pongTimeoutMs: PONG_TIMEOUT_MS },
    onClose: onSocketClosed,
    onError: onSocketClosed,
  });
  const client = createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: (operation) => operation.type === "subscription",
        true: wsLink({ client: wsClient }),
        false: httpBatchLink({ url: `${origin}/trpc` }),
      }),
    ],
  });
  return { client, close: () => wsClient.close() };
}

export type ApiClient = ReturnType<typeof createApi>["client"];

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: (failures, error) => !isAnswered(error) && failures < 2,
        staleTime: 5000,
        // Requests to one's own server go out even where the browser believes itself offline.
        networkMode: "always",
      },
      mutations: { networkMode: "always" },
    },
  });
}

const RESTART_MS = 1000;

/** Keeps a subscription going: one that ends with an error, or ends at all, begins again after a second. */
export function keepSubscribed(
  start: (ended: () => void) => { unsubscribe: () => void },
): () => void {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let current: { unsubscribe: () => void } | null = null;
  let over = false;
  const begin = () => {
    timer = null;
    current = start(() => {
      if (!over && timer === null) timer = setTimeout(begin, RESTART_MS);
    });
  };
  begin();
  return () => {
    over = true;
    if (timer !== null) clearTimeout(timer);
    current?.unsubscribe();
  };
}
