/** `lockstep serve`: runs one storage server in the foreground. */
import { DEFAULT_PORTS } from "@lockstep/model";
import type { Command } from "commander";
import { example } from "../examples.ts";
import { type ServeFlags, serveOptionsOf } from "../serve/options.ts";

const at = (port: number) => `(127.0.0.1:${port} unless told)`;

export function addServe(program: Command): void {
  const serve = program
    .command("serve")
    .description(
      "run a storage server; prints a line that begins with `ready ` when hosts can log in",
    )
    .option("--name <name>", "the server's name")
    .option("--api <host:port>", `where API and console listen ${at(DEFAULT_PORTS.api)}`)
    .option(
      "--iscsi <host:port...>",
      `where hosts log in; may be given more than once ${at(DEFAULT_PORTS.iscsi)}`,
    )
    .option("--mirror <host:port>", `where the peer connects ${at(DEFAULT_PORTS.mirror)}`)
    .option(
      "--heartbeat <host:port>",
      `where heartbeats arrive, UDP ${at(DEFAULT_PORTS.heartbeat)}`,
    )
    .option(
      "--advertise <host>",
      "the address told to peer and hosts, where the bound one is not it",
    )
    .option("--database-url <url>", "a PostgreSQL instead of the embedded one (or DATABASE_URL)");
  serve.action(async () => {
    const options = serveOptionsOf(serve.optsWithGlobals<ServeFlags>(), process.env);
    const { serve: run } = await import("../serve/serve.ts");
    const { lockstepPrograms } = await import("../serve/programs.ts");
    await run(options, lockstepPrograms);
  });
  example(
    serve,
    "serve --data /srv/lockstep --name alpha",
    "serve --data ./b --name beta --api 127.0.0.1:7500 --iscsi 127.0.0.1:3261 --mirror 127.0.0.1:7510 --heartbeat 127.0.0.1:7511",
  );
}
