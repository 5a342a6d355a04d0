/**
 * The server that a command talks to: the one of a data folder, over its local socket, or any other, over its API with
 * a token. Both answer the same commands; which one is chosen from the global options and the environment.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type CommandInput, type CommandName, type CommandResult, Failure } from "@lockstep/model";

/** Options that stand before or behind any command. */
export interface Globals {
  data?: string;
  server?: string;
  token?: string;
  json?: boolean;
}

export interface Server {
  command<C extends CommandName>(name: C, params: CommandInput<C>): Promise<CommandResult<C>>;
  close(): void | Promise<void>;
}

export type Target =
  | { kind: "local"; data: string }
  | { kind: "remote"; url: string; token: string };

/** Where the command goes: options beat the environment; nothing said at all is a mistake that names the ways. */
export function targetOf(globals: Globals, env: NodeJS.ProcessEnv = process.env): Target {
  if (globals.data !== undefined && globals.server !== undefined) {
    throw new Failure("usage", "--data and --server name two servers; give only one of them");
  }
  if (globals.data !== undefined) return { kind: "local", data: resolve(globals.data) };
  const url = globals.server ?? env.LOCKSTEP_SERVER;
  const data = globals.server === undefined ? env.LOCKSTEP_DATA : undefined;
  if (data) return { kind: "local", data: resolve(data) };
  if (!url) throw new Failure("usage", "which server? none was named", nearbyHint());
  return { kind: "remote", url: checkedUrl(url), token: tokenOf(globals, env) };
}

function tokenOf(globals: Globals, env: NodeJS.ProcessEnv): string {
  const token = globals.token ?? env.LOCKSTEP_TOKEN;
  if (token) return token;
  throw new Failure(
    "usage",
    "--server needs a token",
    "make one in the console and give it with --token or in LOCKSTEP_TOKEN",
  );
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === "http:" || url?.protocol === "https:") return text;
  throw new Failure("usage", `"${text}" is no server's address`, "write http://HOST:PORT");
}

function nearbyHint(): string {
  const demo = ".lockstep/alpha";
  const ways = "give --data DIR (its data folder), or --server URL --token T";
  return existsSync(demo) ? `${ways}; the demo's alpha is --data ${demo}` : ways;
}

/** Connects. The API's client is loaded only for the command that needs it. */
export async function openServer(target: Target): Promise<Server> {
  if (target.kind === "remote") {
    const { connect } = await import("@lockstep/api/client");
    return connect(target.url, target.token);
  }
  const { connectLocal, localActor } = await import("@lockstep/api/local");
  const client = await connectLocal(target.data);
  return {
    command: (name, params) => client.command(name, params, localActor()),
    close: () => client.close(),
  };
}
