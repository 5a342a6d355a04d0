/** `lockstep outage …`: the history of outages. */
import type { Command } from "commander";
import { carryOut } from "../carry-out.ts";
import { example } from "../examples.ts";
import { outageDetail, outageTable } from "../views/outage.ts";

export function addOutage(program: Command): void {
  const outage = program.command("outage").description("the history of outages");

  const list = outage.command("list").description("all outages");
  list.action(() => carryOut(list, "outage.list", {}, outageTable));
  example(list, "--data .lockstep/alpha outage list");

  const show = outage.command("show <id>").description("one outage with its phases");
  show.action((id: string) => carryOut(show, "outage.show", { id }, outageDetail));
  example(show, "--data .lockstep/alpha outage show ID");
}
