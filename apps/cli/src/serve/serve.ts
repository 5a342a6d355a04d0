/** Runs a supervisor as this process: holds the folder, passes signals on, and ends when the server has ended. */
import { Failure, type ServeOptions } from "@lockstep/model";
import { holdFolder, makeFolder } from "./folder.ts";
import { followLauncher } from "./orphan.ts";
import type { Programs } from "./programs.ts";
import { Supervisor } from "./supervisor.ts";
import { terminalVoice } from "./voice.ts";

const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

export async function serve(wanted: ServeOptions, programs: Programs): Promise<void> {
  const options = { ...wanted, data: makeFolder(wanted.data) };
  const hold = await holdFolder(options.data);
  const voice = terminalVoice();
  const supervisor = new Supervisor(options, programs, voice);
  const stop = () => supervisor.requestStop();
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  followLauncher(stop);
  try {
    if (!(await supervisor.run()))
      throw new Failure("unavailable", "not everything ended by itself");
  } finally {
    hold.close();
    for (const signal of STOP_SIGNALS) process.off(signal, stop);
  }
}
