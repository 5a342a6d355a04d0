/** `lockstep status`: server, link, LUNs, processes. */
import type { Command } from "commander";
import { carryOut } from "../carry-out.ts";
import { example } from "../examples.ts";
import { statusView } from "../views/status.ts";

export function addStatus(program: Command): void {
  const status = program.command("status").description("server, link, LUNs and processes");
  status.action(() => carryOut(status, "status", {}, statusView));
  example(status, "--data .lockstep/alpha status");
}
