/** The examples that close each command's help text. */
import type { Command } from "commander";

export function example(command: Command, ...lines: string[]): Command {
  const title = lines.length === 1 ? "Example" : "Examples";
  return command.addHelpText(
    "after",
    `\n${title}:\n${lines.map((line) => `  $ lockstep ${line}`).join("\n")}`,
  );
}
