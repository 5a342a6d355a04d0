/**
 * A file that only grows, one JSON value a line. A line is handed to the kernel before `append` returns, so it outlives
 * `kill -9`; syncs are asked for in the background, one for many lines. A torn last line, as power loss leaves it, is cut
 * off when the file is opened.
 */
import fs from "node:fs";
import path from "node:path";

export class AppendFile {
  readonly #folder: string;
  readonly #descriptor: number;
  readonly #stable: () => void;
  #bytes: number;
  #written = 0;
  #synced = 0;
  #syncing = false;
  #closed = false;
  /** Its name in the folder is stable. */
  #named = false;

  /** Opens or makes the file. `stable` is called after each sync, whether it worked or not. */
  constructor(file: string, stable: () => void = () => {}) {
    this.#folder = path.dirname(file);
    this.#stable = stable;
    this.#descriptor = fs.openSync(file, "a", 0o600);
    this.#bytes = fs.fstatSync(this.#descriptor).size;
  }

  /** All whole values of a file, in order; lines that are none are left out, a torn last line is cut off. */
  static read(file: string): unknown[] {
    let text: string;
    try {
      text = fs.readFileSync(file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
    const end = text.lastIndexOf("\n") + 1;
    if (end < text.length) fs.truncateSync(file, Buffer.byteLength(text.slice(0, end)));
    const values: unknown[] = [];
    for (const line of text.slice(0, end).split("\n")) {
      const value = parse(line);
      if (value !== undefined) values.push(value);
    }
    return values;
  }

  /** Appends whole lines. Throws what the system says, having written none of a line or all of it. */
  append(lines: string): void {
    const bytes = Buffer.from(lines);
    const before = this.#bytes;
    let written = 0;
    try {
      while (written < bytes.length) written += fs.writeSync(this.#descriptor, bytes, written);
    } catch (error) {
      if (written > 0) fs.ftruncateSync(this.#descriptor, before);
      throw error;
    }
    this.#bytes += bytes.length;
    this.#written++;
    if (!this.#syncing) this.#sync();
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Everything appended so far is on stable storage, or a sync of it failed. */
  get synced(): boolean {
    return this.#synced === this.#written;
  }

  /** No more is appended; what was is synced in the background first. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#syncing) fs.closeSync(this.#descriptor);
  }

  #sync(): void {
    const upTo = this.#written;
    this.#syncing = true;
    const done = () => {
      this.#syncing = false;
      this.#synced = upTo;
      if (this.#written > upTo) this.#sync();
      else if (this.#closed) fs.closeSync(this.#descriptor);
      if (!this.#closed) this.#stable();
    };
    fs.fdatasync(this.#descriptor, () => {
      if (this.#named) done();
      else this.#syncName(done);
    });
  }

  #syncName(done: () => void): void {
    this.#named = true;
    fs.open(this.#folder, "r", (error, folder) => {
      if (error) done();
      else fs.fsync(folder, () => fs.close(folder, done));
    });
  }
}

function parse(line: string): unknown {
  if (line === "") return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
