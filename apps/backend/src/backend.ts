/**
 * The control plane of one server: API, console, users and history. It stands beside the data path, which serves
 * hosts without it (SPEC C2, C4): whichever of data path and database is away, the rest of this goes on.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Appliance } from "@lockstep/api";
import { formatHostPort, parseHostPort, type ServeOptions } from "@lockstep/model";
import type { Logger } from "pino";
import { AccountsService } from "./accounts-service.ts";
import { Credentials } from "./credentials.ts";
import { DataPathLink } from "./data-path-link.ts";
import { Histories } from "./histories.ts";
import { createServer } from "./http/server.ts";
import { OpenSockets } from "./http/trpc-routes.ts";
import { LiveDatabase } from "./live-database.ts";
import { createMetrics } from "./metrics.ts";
import { readOrMakeSecret } from "./private-file.ts";

const SECRET_FILE = "auth-secret";
const SECRET_BYTES = 32;
const CONSOLE_FOLDER = fileURLToPath(new URL("../../web/out", import.meta.url));

export interface BackendOptions {
  serve: ServeOptions;
  log: Logger;
  /** The first administrator's password, where it is given. */
  adminPassword: string | null;
  /** Takes the line that tells a password that was made up. */
  tell: (line: string) => void;
  consoleFolder?: string;
}

export interface Backend {
  /** Where it listens, `http://127.0.0.1:7400`. */
  url: string;
  /** The embedded database's process; null while it is away or not embedded. */
  databasePid(): number | null;
  stop(): Promise<void>;
}

/** Listens as soon as it can; data path and database are found, and found again, in the background. */
export async function startBackend(options: BackendOptions): Promise<Backend> {
  const { serve, log, adminPassword, tell } = options;
  const secret = await readOrMakeSecret(join(serve.data, SECRET_FILE), SECRET_BYTES);
  const database: LiveDatabase = new LiveDatabase({
    serve,
    log,
    secret,
    adminPassword,
    tell,
    link: () => link,
  });
  const link: DataPathLink = new DataPathLink({
    dataFolder: serve.data,
    log,
    databaseState: () => ({
      databasePid: database.pid,
      database: database.live ? "connected" : "away",
    }),
  });
  const app = await createControlPlane(options, database, link);
  const address = parseHostPort(serve.api);
  await app.listen({ host: address.host, port: address.port });
  const bound = app.server.address();
  const port = typeof bound === "object" && bound ? bound.port : address.port;
  const url = `http://${formatHostPort({ host: address.host, port })}`;
  log.info({ url }, "the API listens");
  const stopping = new AbortController();
  const tasks = [link.run(stopping.signal), database.run(stopping.signal)];
  return {
    url,
    databasePid: () => database.pid,
    async stop() {
      stopping.abort();
      await app.close();
      await Promise.all(tasks);
    },
  };
}

function createControlPlane(options: BackendOptions, database: LiveDatabase, link: DataPathLink) {
  const { serve, log } = options;
  const onDatabaseError = () => database.suspect();
  const history = new Histories(link, () => database.store, onDatabaseError);
  const appliance: Appliance = {
    command: (name, params, actor) => link.command(name, params, actor),
    view: () => link.view(),
    watchStatus: (signal) => link.watchStatus(signal),
    watchEvents: (after, signal) => history.watchEvents(after, signal),
    watchOutages: (signal) => link.outages.subscribe(signal).read(),
  };
  const live = () => database.live;
  const credentials = new Credentials({ serverName: serve.name, live, onDatabaseError });
  const sockets = new OpenSockets(credentials);
  const report = link.report.bind(link);
  const onAccountChange = () => {
    credentials.forget();
    void sockets.lookAgain();
  };
  return createServer({
    log,
    appliance,
    history,
    accounts: new AccountsService({ live, report, onChange: onAccountChange }),
    credentials,
    sockets,
    metrics: createMetrics({
      view: () => link.view(),
      isDatabaseConnected: () => live() !== null,
      openSockets: () => sockets.count,
    }),
    live,
    report,
    onAccountChange,
    consoleFolder: options.consoleFolder ?? CONSOLE_FOLDER,
  });
}
