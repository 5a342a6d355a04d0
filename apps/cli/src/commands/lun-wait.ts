/** `lockstep lun wait`: waits for a LUN's state; past the time-out it prints the LUN as it found it and fails. */
import { Failure, type LunState } from "@lockstep/model";
import type { Command } from "commander";
import { lunState, seconds } from "../arguments.ts";
import { checkInput, print, withServer } from "../carry-out.ts";
import { example } from "../examples.ts";
import { lunDetail } from "../views/lun.ts";
import { DEFAULT_WAIT_S } from "./link.ts";

export function addLunWait(lun: Command): void {
  const wait = lun
    .command("wait <name>")
    .description("wait until a LUN has a state; exit 1 with the state it found")
    .argument("<state>", "mirrored, queueing, paused, …", lunState)
    .option("--timeout <s>", "how long to wait, in seconds", seconds, DEFAULT_WAIT_S);
  wait.action(async (name: string, state: LunState, { timeout }: { timeout: number }) => {
    const params = { name, state, timeoutS: timeout };
    checkInput("lun.wait", params);
    await withServer(wait, async (server) => {
      try {
        print(wait, await server.command("lun.wait", params), lunDetail);
      } catch (error) {
        if (error instanceof Failure && error.code === "timeout") {
          print(wait, await server.command("lun.show", { name }), lunDetail);
        }
        throw error;
      }
    });
  });
  example(wait, "--data .lockstep/alpha lun wait demo mirrored --timeout 60");
}
