/** `lockstep lun create`: a new LUN on a file of its own, or on a file or block device that already exists. */
import { resolve } from "node:path";
import { type CommandInput, Failure } from "@lockstep/model";
import { type Command, Option } from "commander";
import { size, wholeNumber } from "../arguments.ts";
import { carryOut } from "../carry-out.ts";
import { example } from "../examples.ts";
import type { Globals } from "../server.ts";
import { lunDetail } from "../views/lun.ts";

interface Options extends Globals {
  size: number;
  number?: number;
  backing?: string;
  adopt?: boolean;
  wipe?: boolean;
}

export function addLunCreate(lun: Command): void {
  const create = lun
    .command("create <name>")
    .description("make a LUN (not mirrored at first)")
    .requiredOption("--size <size>", "its size: bytes, 64MiB, 1GiB", size)
    .option("--number <n>", "its LUN number under its target", wholeNumber)
    .option("--backing <path>", "a file or block device to keep its data in")
    .addOption(new Option("--adopt", "serve the data that the backing holds").conflicts("wipe"))
    .addOption(new Option("--wipe", "destroy the data that the backing holds").conflicts("adopt"));
  create.action((name: string) =>
    carryOut(create, "lun.create", inputOf(name, create.optsWithGlobals<Options>()), lunDetail),
  );
  example(
    create,
    "--data .lockstep/alpha lun create demo --size 1GiB",
    "--data /srv/lockstep lun create db --size 100GiB --backing /dev/vg0/db --wipe",
  );
}

function inputOf(name: string, options: Options): CommandInput<"lun.create"> {
  const { backing } = options;
  if ((options.adopt || options.wipe) && backing === undefined) {
    throw new Failure(
      "usage",
      "--adopt and --wipe say what to do with a --backing, but none was given",
    );
  }
  return {
    name,
    size: options.size,
    ...(options.number === undefined ? {} : { number: options.number }),
    // Over the API a relative path would be one of this machine's, not of the server's.
    ...(backing === undefined
      ? {}
      : { backing: options.server === undefined ? resolve(backing) : backing }),
    existing: options.adopt ? "adopt" : options.wipe ? "wipe" : "refuse",
  };
}
