/**
 * What the supervisor says: to its terminal, and as events that the data path numbers and keeps. Standard output has
 * the `ready ` line that scripts wait for and the first password; everything else is for people, on standard error.
 */
import type { ServeOptions } from "@lockstep/model";
import { duration } from "../output/quantities.ts";
import type { Report } from "./data-path-line.ts";
import { passwordPath } from "./first-password.ts";
import type { Role } from "./record.ts";
import { describeEnding, type Ending, type RunningProcess } from "./running-process.ts";

export interface Voice {
  out(line: string): void;
  note(line: string): void;
}

export const processNames = {
  datapath: "data path",
  backend: "backend",
} as const satisfies Record<Role, string>;

/** A terminal or reader that went away must not stop a server: what it can no longer hear is dropped. */
export function terminalVoice(): Voice {
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners("error");
    stream.on("error", () => undefined);
  }
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    note: (line) => void process.stderr.write(`lockstep: ${line}\n`),
  };
}

export function readyLine({ name, iscsi, api, data }: ServeOptions): string {
  return `ready ${name}: iSCSI ${iscsi.join(" ")}, console http://${api}/, commands: lockstep --data ${data} status`;
}

export function passwordLine(password: string, data: string): string {
  return `first sign-in: user admin, password ${password} (kept in ${passwordPath(data)})`;
}

export function lossReport(
  role: Role,
  process: RunningProcess,
  ending: Ending,
  pauseMs: number,
): Report {
  const what = `the ${processNames[role]} (process ${process.record.pid}) ${describeEnding(ending)}`;
  return {
    kind: "process-lost",
    severity: role === "datapath" ? "error" : "warning",
    subject: role,
    message: `${what}; it is started again in ${duration(pauseMs)}`,
  };
}

export function restartReport(role: Role, process: RunningProcess): Report {
  return {
    kind: "process-restarted",
    severity: "info",
    subject: role,
    message: `the ${processNames[role]} runs again as process ${process.record.pid}`,
  };
}

export function adoptionReport(adopted: readonly Role[]): Report {
  const names = adopted.map((role) => `the ${processNames[role]}`).join(" and ");
  return {
    kind: "process-restarted",
    severity: "info",
    subject: "supervisor",
    message: `a new supervisor (process ${process.pid}) adopted ${names}, which ran on`,
  };
}
