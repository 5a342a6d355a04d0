/**
 * The API's client for Node: requests over HTTP, subscriptions and waiting commands over one WebSocket that is opened
 * on first use. Both carry the token. Failures of the server come back as the model's Failure.
 */
import {
  type CommandInput,
  type CommandName,
  type CommandResult,
  Failure,
  FailureCode,
} from "@lockstep/model";
import {
  createTRPCClient,
  createWSClient,
  httpBatchLink,
  splitLink,
  type TRPCClient,
  TRPCClientError,
  wsLink,
} from "@trpc/client";
import { WebSocket } from "ws";
import { z } from "zod";
import type { AppRouter } from "./app-router.ts";

export type { AppRouter } from "./app-router.ts";

export interface ApiClient {
  trpc: TRPCClient<AppRouter>;
  /** Rejects with a Failure, `unreachable` when no server answers. */
  command<C extends CommandName>(name: C, params: CommandInput<C>): Promise<CommandResult<C>>;
  close(): Promise<void>;
}

const FailureShape = z.object({
  failure: z.object({ code: FailureCode, message: z.string(), hint: z.string().nullable() }),
});

/** `url` is the server's address as a browser would be given it, `http://127.0.0.1:7400`. */
export function connect(url: string, token: string): ApiClient {
  const base = new URL("/trpc", url);
  const authorization = `Bearer ${token}`;
  /** A browser's WebSocket cannot send headers; in Node the token travels as over HTTP. */
  class TokenSocket extends WebSocket {
    constructor(address: string | URL) {
      super(address, { headers: { authorization } });
    }
  }
  const socketUrl = new URL(base);
  socketUrl.protocol = base.protocol === "https:" ? "wss:" : "ws:";
  const wsClient = createWSClient({
    url: socketUrl.href,
    WebSocket: TokenSocket as unknown as typeof globalThis.WebSocket,
    lazy: { enabled: true, closeMs: 0 },
  });
  const trpc = createTRPCClient<AppRouter>({
    links: [
      splitLink({
        // A wait may outlast the time that HTTP clients and proxies grant an answer.
        condition: (op) => op.type === "subscription" || op.context.waits === true,
        true: wsLink({ client: wsClient }),
        false: httpBatchLink({ url: base.href, headers: { authorization } }),
      }),
    ],
  });
  return {
    trpc,
    async command<C extends CommandName>(name: C, params: CommandInput<C>) {
      try {
        const waits = name.endsWith(".wait") || name === "peer.join";
        const result = await trpc.command.mutate({ name, params }, { context: { waits } });
        return result as CommandResult<C>;
      } catch (error) {
        throw toFailure(error, url);
      }
    },
    close: () => wsClient.close(),
  };
}

/** The Failure that an error of the API stands for. */
export function toFailure(error: unknown, url: string): Failure {
  if (!(error instanceof TRPCClientError)) throw error;
  const data = FailureShape.safeParse(error.data);
  if (data.success) {
    const { code, message, hint } = data.data.failure;
    return new Failure(code, message, hint);
  }
  return new Failure("unreachable", `no Lockstep server answers at ${url}`, "is it running?");
}
