/** `lockstep event …`: what happened on this server, and who changed what. */
import type { Command } from "commander";
import { moment } from "../arguments.ts";
import { carryOut } from "../carry-out.ts";
import { example } from "../examples.ts";
import { eventTable } from "../views/event.ts";

export function addEvent(program: Command): void {
  const event = program.command("event").description("what happened, and who changed what");
  const list = event
    .command("list")
    .description("events, oldest first")
    .option(
      "--since <time>",
      "only from then on: 2026-11-23T09:00:00Z, or how long ago: 15m, 2h, 3d",
      moment,
    );
  list.action((options: { since?: string }) => carryOut(list, "event.list", options, eventTable));
  example(list, "--data .lockstep/alpha event list --since 15m");
}
