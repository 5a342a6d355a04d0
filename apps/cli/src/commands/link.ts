/** `lockstep link …`: the link's state, its settings, and waiting for it. */
import { Failure, type LinkSettingsPatch, type LinkState } from "@lockstep/model";
import type { Command } from "commander";
import { linkState, seconds, wholeNumber } from "../arguments.ts";
import { carryOut, checkInput, print, withServer } from "../carry-out.ts";
import { example } from "../examples.ts";
import { linkDetail } from "../views/link.ts";

export const DEFAULT_WAIT_S = 60;

export function addLink(program: Command): void {
  const link = program.command("link").description("the link to the paired server");

  const show = link
    .command("show")
    .description("state, settings, heartbeats and both connection arrays");
  show.action(() => carryOut(show, "link.show", {}, linkDetail));
  example(show, "--data .lockstep/alpha link show");

  const set = link
    .command("set")
    .description(
      "change times and number of connections while the link runs (T2 < T1 <= T3 <= probation)",
    )
    .option("--t1 <ms>", "silence longer than this is an interruption", wholeNumber)
    .option("--t2 <ms>", "heartbeat interval", wholeNumber)
    .option("--t3 <ms>", "idle time-out of a connection thread", wholeNumber)
    .option("--t4 <ms>", "longest wait for a mirror response", wholeNumber)
    .option(
      "--probation <ms>",
      "how long heartbeats must stay before connections are made again",
      wholeNumber,
    )
    .option("--connections <n>", "connections in each direction", wholeNumber);
  set.action((patch: LinkSettingsPatch) => {
    if (Object.keys(patch).length === 0)
      throw new Failure("usage", "link set: say what to change", "see `lockstep link set --help`");
    return carryOut(set, "link.set", patch, linkDetail);
  });
  example(
    set,
    "--data .lockstep/alpha link set --t2 100 --t1 500",
    "--data .lockstep/alpha link set --connections 4",
  );

  const wait = link
    .command("wait")
    .description("wait until the link has a state; exit 1 with the state it found")
    .argument("<state>", "unpaired, connecting, up, interrupted or probation", linkState)
    .option("--timeout <s>", "how long to wait, in seconds", seconds, DEFAULT_WAIT_S);
  wait.action((state: LinkState, { timeout }: { timeout: number }) =>
    waitForLink(wait, state, timeout),
  );
  example(wait, "--data .lockstep/alpha link wait up --timeout 30");
}

async function waitForLink(command: Command, state: LinkState, timeoutS: number): Promise<void> {
  const params = { state, timeoutS };
  checkInput("link.wait", params);
  await withServer(command, async (server) => {
    try {
      print(command, await server.command("link.wait", params), linkDetail);
    } catch (error) {
      if (error instanceof Failure && error.code === "timeout") {
        print(command, await server.command("link.show", {}), linkDetail);
      }
      throw error;
    }
  });
}
