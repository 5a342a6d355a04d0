/** The `lockstep` command line as one tree: the global options, and each family of commands from its own file. */
import { VERSION } from "@lockstep/model";
import { Command, Option } from "commander";
import { addDemo } from "./commands/demo.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addDrill } from "./commands/drill.ts";
import { addEvent } from "./commands/event.ts";
import { addLink } from "./commands/link.ts";
import { addLun } from "./commands/lun.ts";
import { addOutage } from "./commands/outage.ts";
import { addPeer } from "./commands/peer.ts";
import { addServe } from "./commands/serve.ts";
import { addStatus } from "./commands/status.ts";

const EXAMPLES = `
Examples:
  $ lockstep serve --data /srv/lockstep --name alpha
  $ lockstep --data /srv/lockstep status
  $ lockstep --server http://127.0.0.1:7400 --token T lun list --json

Exit status: 0 done, 1 failed, 2 usage, 3 server unreachable, 4 refused by a rule, 5 differences found.`;

export function buildProgram(): Command {
  const program = new Command("lockstep")
    .description("A storage server whose LUNs are mirrored to a second one.")
    .version(VERSION, "-V, --version", "print the version")
    .addOption(
      new Option(
        "--data <dir>",
        "the server's data folder, reached over its local socket (or LOCKSTEP_DATA)",
      ),
    )
    .addOption(
      new Option("--server <url>", "the server's API, like http://HOST:7400 (or LOCKSTEP_SERVER)"),
    )
    .addOption(new Option("--token <token>", "a token for --server (or LOCKSTEP_TOKEN)"))
    .option("--json", "print one JSON value")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => undefined })
    .helpOption("-h, --help", "show this help")
    .addHelpText("after", EXAMPLES)
    .exitOverride();
  addServe(program);
  addStatus(program);
  addPeer(program);
  addLink(program);
  addLun(program);
  addOutage(program);
  addEvent(program);
  addDrill(program);
  addDoctor(program);
  addDemo(program);
  return program;
}
