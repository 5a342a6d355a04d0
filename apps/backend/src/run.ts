/**
 * The process around the backend: options from the first argument or LOCKSTEP_OPTIONS, one JSON value, logs to standard
 * error, and signals. It lives on when whoever started it is gone, and with it the pipes (SPEC C4).
 */
import { Failure, ServeOptions } from "@lockstep/model";
import { type Logger, pino } from "pino";
import { startBackend } from "./backend.ts";

/** What still runs after this is given up when the process is told to stop. */
const STOP_TIMEOUT_MS = 15_000;
/** For the last line of the log. */
const FLUSH_MS = 100;

export async function run(): Promise<void> {
  const log = createLog();
  try {
    await start(log);
  } catch (error) {
    const reason = error instanceof Failure ? error.message : String(error);
    log.fatal({ err: error }, `the backend cannot start: ${reason}`);
    process.exitCode = 1;
    setTimeout(() => process.exit(), FLUSH_MS);
  }
}

function createLog(): Logger {
  for (const stream of [process.stdout, process.stderr]) {
    // Nobody reads any more: that is no reason to die.
    stream.on("error", () => {});
  }
  const level = process.env.LOCKSTEP_LOG_LEVEL ?? "info";
  const log = pino({ name: "backend", level }, process.stderr);
  process.on("uncaughtException", (error) => {
    log.fatal({ err: error }, "a bug: the backend ends and is started again");
    process.exit(1);
  });
  return log;
}

async function start(log: Logger): Promise<void> {
  const json = process.argv[2] ?? process.env.LOCKSTEP_OPTIONS ?? "";
  const { DATABASE_URL, LOCKSTEP_ADMIN_PASSWORD } = process.env;
  const given = DATABASE_URL ? { databaseUrl: DATABASE_URL } : {};
  const serve = { ...given, ...ServeOptions.parse(JSON.parse(json)) };
  const backend = await startBackend({
    serve,
    log,
    adminPassword: LOCKSTEP_ADMIN_PASSWORD || null,
    tell: (line) => process.stdout.write(`${line}\n`),
  });
  let isStopping = false;
  const stop = () => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
    void backend.stop().then(() => process.exit(0));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", () => log.info("told of a hang-up: going on"));
}
