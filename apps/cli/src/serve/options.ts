/** The options of `lockstep serve`, checked and completed before anything is started. */
import { resolve } from "node:path";
import { Failure, parseHostPort, ServeOptions } from "@lockstep/model";

/** As the command line gives them; what is not given has the model's default. */
export interface ServeFlags {
  data?: string;
  name?: string;
  api?: string;
  iscsi?: string[];
  mirror?: string;
  heartbeat?: string;
  advertise?: string;
  databaseUrl?: string;
}

export function serveOptionsOf(flags: ServeFlags, env: NodeJS.ProcessEnv): ServeOptions {
  const data = flags.data ?? env.LOCKSTEP_DATA;
  if (!data) throw new Failure("usage", "serve needs a data folder", "give --data DIR");
  if (!flags.name) throw new Failure("usage", "serve needs the server's name", "give --name NAME");
  const databaseUrl = flags.databaseUrl ?? env.DATABASE_URL;
  const given = { ...flags, data: resolve(data), databaseUrl: databaseUrl || undefined };
  const parsed = ServeOptions.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const option = issue?.path[0] === undefined ? "" : `--${String(issue.path[0])}: `;
    throw new Failure(
      "usage",
      `${option}${issue?.message ?? "not valid"}`,
      "see `lockstep serve --help`",
    );
  }
  refuseSharedPorts(parsed.data);
  return parsed.data;
}

/** Two TCP listeners of one server on the same address would have the second fail only once it runs. */
function refuseSharedPorts(options: ServeOptions): void {
  const seen = new Set<string>();
  for (const address of [options.api, ...options.iscsi, options.mirror]) {
    if (seen.has(address) && parseHostPort(address).port !== 0) {
      throw new Failure(
        "usage",
        `${address} is given for two purposes`,
        "each needs a port of its own",
      );
    }
    seen.add(address);
  }
}
