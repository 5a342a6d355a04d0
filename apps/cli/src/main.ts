/**
 * Runs one `lockstep` command. A failure is one sentence on standard error, a hint below it, and the exit status that
 * its code stands for; only a bug of ours shows a stack.
 */
import { EXIT_STATUS, Failure } from "@lockstep/model";
import { CommanderError } from "commander";
import { painterFor } from "./output/painter.ts";
import { buildProgram } from "./program.ts";

const paint = painterFor(process.stderr);

function complain(message: string, hint: string | null): void {
  process.stderr.write(`${paint("red", "lockstep:")} ${message}\n`);
  if (hint !== null) process.stderr.write(`  ${paint("dim", hint)}\n`);
}

/** Commander's message without its prefix; a second line of it is its suggestion. */
function usageFailure(error: CommanderError): Failure {
  const [first = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  return new Failure(
    "usage",
    first,
    suggestion?.replace(/^\((.*)\)$/, "$1") ?? "see `lockstep --help`",
  );
}

function exitStatusOf(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // Help instead of a missing command was already shown.
    if (error.code === "commander.help") return EXIT_STATUS.usage;
    return exitStatusOf(usageFailure(error));
  }
  if (error instanceof Failure) {
    complain(error.message, error.hint);
    return EXIT_STATUS[error.code];
  }
  complain(
    "this is a bug in Lockstep",
    error instanceof Error ? (error.stack ?? null) : String(error),
  );
  return EXIT_STATUS.internal;
}

// A reader that has seen enough (`lockstep event list | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : EXIT_STATUS.internal);
});

try {
  await buildProgram().parseAsync();
} catch (error) {
  process.exitCode = exitStatusOf(error);
}
