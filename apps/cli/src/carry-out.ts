/**
 * How every command that asks a server runs: check its input against the command's schema, connect, ask, print the
 * answer as one JSON value or for people, disconnect.
 */
import {
  type CommandInput,
  type CommandName,
  type CommandResult,
  commands,
  Failure,
} from "@lockstep/model";
import type { Command } from "commander";
import { type Painter, painterFor } from "./output/painter.ts";
import { type Globals, openServer, type Server, targetOf } from "./server.ts";

/** Turns an answer into text for people. */
export type View<T> = (result: T, paint: Painter) => string;

/** Prints `result` as `--json` or the terminal wants it. */
export function print<T>(command: Command, result: T, view: View<T>): void {
  const { json } = command.optsWithGlobals<Globals>();
  const text = json ? JSON.stringify(result, null, 2) : view(result, painterFor(process.stdout));
  process.stdout.write(`${text}\n`);
}

/** Refuses what the command's schema refuses, before any server is asked. */
export function checkInput<C extends CommandName>(name: C, input: CommandInput<C>): void {
  const parsed = commands[name].safeParse(input);
  if (parsed.success) return;
  const issue = parsed.error.issues[0];
  const path = issue?.path.map(String).join(".") ?? "";
  const reason = issue?.message ?? "not valid";
  throw new Failure("usage", path === "" ? reason : `${path}: ${reason}`);
}

export async function withServer<T>(
  command: Command,
  work: (server: Server) => Promise<T>,
): Promise<T> {
  const server = await openServer(targetOf(command.optsWithGlobals<Globals>()));
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}

/** The whole of a simple command. */
export async function carryOut<C extends CommandName>(
  command: Command,
  name: C,
  input: CommandInput<C>,
  view: View<CommandResult<C>>,
): Promise<void> {
  checkInput(name, input);
  print(command, await withServer(command, (server) => server.command(name, input)), view);
}
