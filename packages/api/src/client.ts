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
  /** Called when the WebSocket fails; the link itself would try again for ever. */
  const onSocketError = new Set<(error: Failure) => void>();
  const wsClient = createWSClient({
    url: socketUrl.href,
    WebSocket: TokenSocket as unknown as typeof globalThis.WebSocket,
    lazy: { enabled: true, closeMs: 0 },
    onError: (event) => {
      const failure = socketFailure(event, url);
      for (const reject of onSocketError) reject(failure);
    },
  });

  /** `ask` over the WebSocket, given up when that cannot be opened or breaks. */
  async function overSocket<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const asking = new AbortController();
    let reject: (failure: Failure) => void = () => {};
    const failed = new Promise<never>((_resolve, rejectFailed) => {
      reject = rejectFailed;
    });
    onSocketError.add(reject);
    try {
      return await Promise.race([ask(asking.signal), failed]);
    } finally {
      onSocketError.delete(reject);
      asking.abort();
    }
  }

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
        const asked = { name, params };
        const result = waits
          ? overSocket((signal) => trpc.command.mutate(asked, { context: { waits }, signal }))
          : trpc.command.mutate(asked);
        return (await result) as CommandResult<C>;
      } catch (error) {
        throw toFailure(error, url);
      }
    },
    close: () => wsClient.close(),
  };
}

function socketFailure(event: Event | undefined, url: string): Failure {
  const message = (event as { message?: unknown } | undefined)?.message;
  if (/\b40[13]\b/.test(String(message))) {
    return new Failure("refused", "the server does not accept this token", "make another one");
  }
  return unreachable(url);
}

function unreachable(url: string): Failure {
  return new Failure("unreachable", `no Lockstep server answers at ${url}`, "is it running?");
}

/** The Failure that an error of the API stands for. */
function toFailure(error: unknown, url: string): Failure {
  if (error instanceof Failure) return error;
  if (!(error instanceof TRPCClientError)) throw error;
  const data = FailureShape.safeParse(error.data);
  if (data.success) {
    const { code, message, hint } = data.data.failure;
    return new Failure(code, message, hint);
  }
  return unreachable(url);
}
