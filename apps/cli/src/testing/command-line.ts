/** Runs commands inside the test's process against a data path that the test decides, and keeps what they print. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeDataPath } from "@lockstep/api/testing";
import type { CommandName, CommandResult } from "@lockstep/model";
import { vi } from "vitest";
import { buildProgram } from "../program.ts";

export class CommandLine {
  readonly dataPath = new FakeDataPath(mkdtempSync(join(tmpdir(), "lockstep-cli-")));
  /** What the data path was asked, in order. */
  readonly asked: { name: CommandName; params: unknown }[] = [];

  /** Answers `name` with `result` from now on. */
  answer<C extends CommandName>(name: C, result: CommandResult<C>): void {
    this.dataPath.on(name, (params) => {
      this.asked.push({ name, params });
      return result;
    });
  }

  /** Runs one command line; resolves to its standard output, rejects as the command does. */
  async run(line: string): Promise<string> {
    let printed = "";
    const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      printed += String(text);
      return true;
    });
    const args = ["--data", this.dataPath.dataFolder, ...line.split(" ")];
    try {
      await buildProgram().parseAsync(args, { from: "user" });
      return printed;
    } catch (error) {
      throw Object.assign(error as Error, { printed });
    } finally {
      write.mockRestore();
    }
  }

  async end(): Promise<void> {
    await this.dataPath.stop();
    rmSync(this.dataPath.dataFolder, { recursive: true, force: true });
  }
}
