/** `lockstep drill …`: a rehearsed outage, in which this server's heartbeats fall silent (SPEC O8). */
import type { Command } from "commander";
import { seconds } from "../arguments.ts";
import { carryOut } from "../carry-out.ts";
import { example } from "../examples.ts";
import { linkDetail } from "../views/link.ts";

export function addDrill(program: Command): void {
  const drill = program
    .command("drill")
    .description("rehearse an outage: hosts go on, the journal grows, the link heals");

  const start = drill
    .command("start")
    .description("silence this server's heartbeats for a while")
    .option("--seconds <n>", "for how long (10 unless told)", seconds);
  start.action((options: { seconds?: number }) =>
    carryOut(start, "drill.start", options, linkDetail),
  );
  example(start, "--data .lockstep/alpha drill start --seconds 5");

  const stop = drill.command("stop").description("end the drill now");
  stop.action(() => carryOut(stop, "drill.stop", {}, linkDetail));
  example(stop, "--data .lockstep/alpha drill stop");
}
