/**
 * Asking a data path over its local socket, as the command line does but without starting a process
 * for each question: for figures that a test polls while hosts write.
 */
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import {
  type CommandInput,
  type CommandName,
  type CommandResult,
  type LocalAnswer,
  SOCKET_NAME,
  SOCKET_PATH_NOTE,
} from "@lockstep/model";

const ANSWER_TIMEOUT_MS = 10_000;

function socketPath(data: string): string {
  const note = join(data, SOCKET_PATH_NOTE);
  return existsSync(note) ? readFileSync(note, "utf8").trim() : join(data, SOCKET_NAME);
}

export function ask<C extends CommandName>(
  data: string,
  method: C,
  params: CommandInput<C>,
): Promise<CommandResult<C>> {
  return new Promise((done, fail) => {
    const socket = connect(socketPath(data));
    const actor = { who: "test", from: "local socket" };
    let text = "";
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error(`no answer to ${method}`)));
    socket.once("error", fail);
    socket.once("close", () =>
      fail(new Error(`the data path closed the socket before answering ${method}`)),
    );
    socket.once("connect", () =>
      socket.write(`${JSON.stringify({ id: 1, method, params, actor })}\n`),
    );
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const end = text.indexOf("\n");
      if (end < 0) return;
      const answer = JSON.parse(text.slice(0, end)) as LocalAnswer;
      if ("error" in answer) fail(new Error(`${method}: ${answer.error.message}`));
      else done(answer.result as CommandResult<C>);
      socket.destroy();
    });
  });
}
