/** `lockstep lun …`: making, showing and changing LUNs. Waiting and creation have files of their own. */
import { Failure, type Lun, type LunMode } from "@lockstep/model";
import { type Command, Option } from "commander";
import { onOff, size } from "../arguments.ts";
import { carryOut } from "../carry-out.ts";
import { example } from "../examples.ts";
import { lunDetail, lunTable } from "../views/lun.ts";
import { addLunCreate } from "./lun-create.ts";
import { addLunWait } from "./lun-wait.ts";

export function addLun(program: Command): void {
  const lun = program.command("lun").description("LUNs");
  addLunCreate(lun);
  addList(lun);
  addResizeAndDelete(lun);
  addMirroring(lun);
  addSet(lun);
  addLunWait(lun);
}

function addList(lun: Command): void {
  const list = lun.command("list").description("all LUNs");
  list.action(() => carryOut(list, "lun.list", {}, lunTable));
  example(list, "--data .lockstep/alpha lun list", "--data .lockstep/alpha lun list --json");

  const show = lun.command("show <name>").description("everything about one LUN");
  show.action((name: string) => carryOut(show, "lun.show", { name }, lunDetail));
  example(show, "--data .lockstep/alpha lun show demo");
}

function addResizeAndDelete(lun: Command): void {
  const resize = lun
    .command("resize <name>")
    .description("grow or shrink a LUN that is not mirrored")
    .requiredOption("--size <size>", "the new size: 64MiB, 2GiB", size);
  resize.action((name: string, options: { size: number }) =>
    carryOut(resize, "lun.resize", { name, size: options.size }, lunDetail),
  );
  example(resize, "--data .lockstep/alpha lun resize demo --size 2GiB");

  const remove = lun
    .command("delete <name>")
    .description("delete a LUN and its data")
    .option("--yes", "yes, its data too");
  remove.action((name: string, { yes }: { yes?: boolean }) => {
    if (!yes)
      throw new Failure(
        "usage",
        `deleting ${name} destroys its data`,
        "say --yes if that is meant",
      );
    return carryOut(remove, "lun.delete", { name }, () => `${name} is deleted`);
  });
  example(remove, "--data .lockstep/alpha lun delete demo --yes");
}

function addMirroring(lun: Command): void {
  const mirror = lun
    .command("mirror <name>")
    .description("designate a LUN as mirrored, or no longer")
    .argument("<on|off>", "on or off", onOff);
  mirror.action((name: string, on: boolean) =>
    carryOut(mirror, "lun.mirror", { name, on }, accepted),
  );
  example(mirror, "--data .lockstep/alpha lun mirror demo on");

  const mode = lun
    .command("mode <name>")
    .description("when a host is answered: after the mirror's response (sync), or before (async)")
    .argument("<sync|async>", "sync or async");
  mode.action((name: string, wanted: string) => {
    if (wanted !== "sync" && wanted !== "async")
      throw new Failure("usage", `"${wanted}" is no mode`, "write sync or async");
    return carryOut(mode, "lun.mode", { name, mode: wanted satisfies LunMode }, accepted);
  });
  example(mode, "--data .lockstep/alpha lun mode demo async");

  const pause = lun
    .command("pause <name>")
    .description("stop sending to the mirror; hosts go on, the journal grows");
  pause.action((name: string) => carryOut(pause, "lun.pause", { name }, accepted));
  example(pause, "--data .lockstep/alpha lun pause demo");

  const resume = lun.command("resume <name>").description("end a pause");
  resume.action((name: string) => carryOut(resume, "lun.resume", { name }, accepted));
  example(resume, "--data .lockstep/alpha lun resume demo");
}

function addSet(lun: Command): void {
  const set = lun
    .command("set <name>")
    .description("change how a LUN behaves")
    .addOption(
      new Option("--policy <policy>", "what hosts see in an outage: they go on").choices([
        "continue",
      ]),
    )
    .option("--journal-limit <size>", "how large its journal may grow", size)
    .option("--write-cache <on|off>", "whether hosts are told of a write cache", onOff);
  type Options = { policy?: "continue"; journalLimit?: number; writeCache?: boolean };
  set.action((name: string, options: Options) => {
    if (Object.keys(options).length === 0)
      throw new Failure("usage", "lun set: say what to change", "see `lockstep lun set --help`");
    return carryOut(set, "lun.set", { name, ...options }, lunDetail);
  });
  example(set, "--data .lockstep/alpha lun set demo --journal-limit 4GiB");
}

/** These commands return when they are accepted; how far it has come is the LUN's state. */
function accepted(lun: Lun): string {
  const designation = lun.designated ? `mirrored, ${lun.mode}` : "not mirrored";
  return `${lun.name}: ${designation}; now ${lun.state}`;
}
