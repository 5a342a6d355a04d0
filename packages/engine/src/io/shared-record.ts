/**
 * A few 64-bit numbers in shared memory that are read as one (a sequence lock): the version is odd while the one writer
 * writes, and a reader that saw it change reads again. Neither side ever waits for a lock.
 */

/** Reads tried before the last whole reading is taken instead (the writer died half-way, or is on its way). */
const MAX_TRIES = 64;

export class SharedRecord {
  readonly #words: BigInt64Array;
  readonly #last: bigint[];

  /** Bytes of a record of `fields` numbers. */
  static byteLength(fields: number): number {
    return 8 * (fields + 1);
  }

  constructor(buffer: SharedArrayBuffer, byteOffset: number, fields: number) {
    this.#words = new BigInt64Array(buffer, byteOffset, fields + 1);
    this.#last = new Array<bigint>(fields).fill(0n);
  }

  /** Only ever called in one thread at a time. Also mends what a writer left that ended in the middle. */
  write(values: readonly bigint[]): void {
    const version = Atomics.load(this.#words, 0) & ~1n;
    Atomics.store(this.#words, 0, version + 1n);
    for (let i = 0; i < this.#last.length; i++) Atomics.store(this.#words, i + 1, values[i] ?? 0n);
    Atomics.store(this.#words, 0, version + 2n);
  }

  /** The newest whole record. Valid until the next call. */
  read(): readonly bigint[] {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const version = Atomics.load(this.#words, 0);
      if ((version & 1n) === 1n) continue;
      const values = this.#last.map((_, i) => Atomics.load(this.#words, i + 1));
      if (Atomics.load(this.#words, 0) !== version) continue;
      for (let i = 0; i < values.length; i++) this.#last[i] = values[i] ?? 0n;
      break;
    }
    return this.#last;
  }
}
