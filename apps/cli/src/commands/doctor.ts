/** `lockstep doctor`: what is wrong with this machine or pair. It also says so of a server that does not run. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EXIT_STATUS, Failure, type Finding } from "@lockstep/model";
import type { Command } from "commander";
import { print, withServer } from "../carry-out.ts";
import { example } from "../examples.ts";
import { lastWords } from "../serve/log-file.ts";
import { type Globals, targetOf } from "../server.ts";
import { findingsView } from "../views/doctor.ts";

export function addDoctor(program: Command): void {
  const doctor = program
    .command("doctor")
    .description("what is wrong with this machine or pair, and what to do");
  doctor.action(async () => {
    try {
      print(
        doctor,
        await withServer(doctor, (server) => server.command("doctor", {})),
        findingsView,
      );
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== "unreachable") throw error;
      print(doctor, findingsWithout(error, doctor.optsWithGlobals<Globals>()), findingsView);
      process.exitCode = EXIT_STATUS.unreachable;
    }
  });
  example(doctor, "--data .lockstep/alpha doctor");
}

/** What can be said of a server that does not answer. */
function findingsWithout(failure: Failure, globals: Globals): Finding[] {
  const { message, hint: remedy } = failure;
  const findings: Finding[] = [{ severity: "error", subject: "server", message, remedy }];
  const target = targetOf(globals);
  if (target.kind !== "local") return findings;
  if (!existsSync(target.data)) {
    findings.push({
      severity: "error",
      subject: "data folder",
      message: `${target.data} does not exist`,
      remedy: null,
    });
  }
  const log = join(target.data, "log", "datapath.log");
  const words = lastWords(log, 0);
  if (words !== null) {
    const said = `the data path's last word was: ${words.sentence}`;
    findings.push({ severity: "warning", subject: "log", message: said, remedy: `see ${log}` });
  }
  return findings;
}
