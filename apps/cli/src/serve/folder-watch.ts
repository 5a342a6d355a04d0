/**
 * Waits for files to appear in the data folder. The kernel tells of changes; a slow second look stands beside it for
 * file systems that tell of none, and for the moment between a socket's name and its listening. Watches are short:
 * they would tell of every write to a file of the folder.
 */
import { type FSWatcher, watch } from "node:fs";

const SECOND_LOOK_MS = 250;

class FolderWatch {
  readonly #watcher: FSWatcher | null;
  readonly #signal: AbortSignal;
  #wake: (() => void) | null = null;
  #changed = false;

  constructor(folder: string, signal: AbortSignal) {
    this.#signal = signal;
    this.#watcher = this.#tryWatch(folder);
  }

  /** Null where the kernel has no watch left to give. */
  #tryWatch(folder: string): FSWatcher | null {
    try {
      const watcher = watch(folder, () => {
        this.#changed = true;
        this.#wake?.();
      });
      return watcher.on("error", () => watcher.close());
    } catch {
      return null;
    }
  }

  /** Resolves when something changed since the last call, when it is time for a second look, or on abort. */
  next(): Promise<void> {
    const signal = this.#signal;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        this.#wake = null;
        this.#changed = false;
        resolve();
      };
      const timer = setTimeout(done, SECOND_LOOK_MS);
      signal.addEventListener("abort", done);
      this.#wake = done;
      if (this.#changed || signal.aborted) done();
    });
  }

  close(): void {
    this.#watcher?.close();
  }
}

/** Looks, and looks again after each change, until `look` finds something; null after `signal`. */
export async function watchFor<T>(
  folder: string,
  signal: AbortSignal,
  look: () => T | null | Promise<T | null>,
): Promise<T | null> {
  const watcher = new FolderWatch(folder, signal);
  try {
    while (!signal.aborted) {
      const found = await look();
      if (found !== null) return found;
      await watcher.next();
    }
    return null;
  } finally {
    watcher.close();
  }
}
