/**
 * The data path process: `main.ts '<JSON of ServeOptions>'`. It locks the data folder, starts, and says so by answering
 * on the local socket. SIGTERM and SIGINT end it in order. Exit status 4: refused, with one sentence on standard error.
 */
import fs from "node:fs";
import path from "node:path";
import { lockExclusively } from "@lockstep/block";
import { EXIT_STATUS, Failure, ServeOptions } from "@lockstep/model";
import { Appliance } from "./appliance.ts";

function lockFolder(folder: string): void {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fd = fs.openSync(path.join(folder, "lock"), "w", 0o600);
  if (lockExclusively(fd) === null) return;
  throw new Failure("refused", `${folder} is in use by another data path`);
}

function refuse(error: unknown): never {
  if (!(error instanceof Failure)) throw error;
  console.error(error.hint === null ? error.message : `${error.message}\n${error.hint}`);
  process.exit(EXIT_STATUS[error.code]);
}

try {
  const options = ServeOptions.parse(JSON.parse(process.argv[2] ?? "null"));
  lockFolder(options.data);
  const appliance = await Appliance.start(options);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void appliance.stop().then(() => process.exit(0));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", () => undefined);
} catch (error) {
  refuse(error);
}
