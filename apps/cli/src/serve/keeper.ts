/**
 * Keeps one process running: when it ends unasked, it is started again, after a pause that doubles while it keeps
 * failing. The pause is never zero, so that a signal to the whole process group, which ends the child too, reaches
 * the supervisor before anything is restarted.
 */
import { type Ending, type Launch, type RunningProcess, start } from "./running-process.ts";

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 15_000;
/** A process that lived this long has not failed at starting. */
const STEADY_AFTER_MS = 30_000;
const STOP_LIMIT_MS = 30_000;

export interface KeeperListener {
  started(process: RunningProcess, isRestart: boolean): void;
  lost(process: RunningProcess, ending: Ending, pauseMs: number): void;
  /** It could not even be started. */
  failed(error: unknown, pauseMs: number): void;
}

/** The pause before the start that follows `failures` failed ones in a row. */
export function pauseAfter(failures: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
}

export class Keeper {
  readonly #launch: () => Launch;
  readonly #listener: KeeperListener;
  #process: RunningProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #starting: Promise<void> = Promise.resolve();
  #failures = 0;
  #sinceMs = 0;
  #stopping = false;

  constructor(launch: () => Launch, listener: KeeperListener) {
    this.#launch = launch;
    this.#listener = listener;
  }

  /** The process that runs; null between an end and the next start. */
  get process(): RunningProcess | null {
    return this.#process;
  }

  begin(): void {
    this.#starting = this.#start(false);
  }

  /** Takes over a process that runs. */
  keep(process: RunningProcess): void {
    this.#process = process;
    this.#sinceMs = performance.now();
    void process.ended.then((ending) => this.#onEnded(process, ending));
  }

  async #start(isRestart: boolean): Promise<void> {
    let process: RunningProcess;
    try {
      process = await start(this.#launch());
    } catch (error) {
      if (!this.#stopping) this.#listener.failed(error, this.#startLater());
      return;
    }
    this.keep(process);
    this.#listener.started(process, isRestart);
  }

  #onEnded(process: RunningProcess, ending: Ending): void {
    this.#process = null;
    if (this.#stopping) return;
    if (performance.now() - this.#sinceMs >= STEADY_AFTER_MS) this.#failures = 0;
    this.#listener.lost(process, ending, this.#startLater());
  }

  #startLater(): number {
    const pauseMs = pauseAfter(this.#failures);
    this.#failures++;
    this.#timer = setTimeout(() => {
      this.#starting = this.#start(true);
    }, pauseMs);
    return pauseMs;
  }

  /** Ends it for good; resolves to whether it ended by itself within the limit. */
  async stop(): Promise<boolean> {
    this.#stopping = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#starting;
    return this.#process === null || (await stopProcess(this.#process));
  }
}

/** Asks a process to end and waits; past the limit it is killed, and the answer is false. */
export async function stopProcess(
  process: RunningProcess,
  limitMs = STOP_LIMIT_MS,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  process.kill("SIGTERM");
  const inTime = await Promise.race([process.ended.then(() => true), limit]);
  clearTimeout(timer);
  if (inTime) return true;
  process.kill("SIGKILL");
  await process.ended;
  return false;
}
