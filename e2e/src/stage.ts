/**
 * What one test owns: a temporary folder, processes, namespaces. Whatever happens to the test, all
 * of it is taken down in reverse order. The last lines of every process are kept for the report
 * of a failure.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { Background, leftovers, type RunOptions, signalProcess } from "./processes.ts";

const LINES_SHOWN = 60;
const END_TIMEOUT_MS = 5_000;

export class Stage {
  readonly folder: string;
  readonly #undo: (() => Promise<void> | void)[] = [];
  readonly #background: Background[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<Stage> {
    return new Stage(await mkdtemp(join(tmpdir(), "lockstep-e2e-")));
  }

  /** To be done at the end, last registered first. */
  defer(undo: () => Promise<void> | void): void {
    this.#undo.push(undo);
  }

  /** Starts a program that is ended with the stage at the latest. */
  background(label: string, argv: readonly string[], options: RunOptions = {}): Background {
    const program = new Background(label, argv, options);
    this.#background.push(program);
    return program;
  }

  report(): string {
    return this.#background
      .map(({ label, lines }) => [`--- ${label}`, ...lines.slice(-LINES_SHOWN)].join("\n"))
      .join("\n");
  }

  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const undo of this.#undo.reverse()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    for (const pid of leftovers()) signalProcess(pid, "SIGKILL");
    await eventually(
      "all processes of the test to end",
      END_TIMEOUT_MS,
      () => leftovers().length === 0,
    );
    await rm(this.folder, { recursive: true, force: true });
    if (failures.length > 0) throw new AggregateError(failures, "the stage could not be cleared");
  }
}
