/**
 * One producer, many readers that come and go: `Latest` tells each reader the newest value, skipping what a slow one
 * missed; `Feed` tells every value in order, up to a bound at which a reader that does not keep up is ended.
 */
import { Failure } from "@lockstep/model";

/** A reader this far behind has lost its connection, or never reads. */
const MAX_BEHIND = 5_000;

/** A reader's place in a `Feed`. What is pushed from now on is kept for it until it reads or closes. */
export class Reader<T> {
  readonly #queue: T[] = [];
  readonly #signal: AbortSignal;
  readonly #onClose: () => void;
  #wake: () => void = () => {};
  #tooSlow = false;

  constructor(signal: AbortSignal, onClose: () => void) {
    this.#signal = signal;
    this.#onClose = onClose;
    signal.addEventListener("abort", () => this.close(), { once: true });
  }

  close(): void {
    this.#onClose();
    this.#wake();
  }

  offer(value: T): void {
    if (this.#queue.length >= MAX_BEHIND) this.#tooSlow = true;
    else this.#queue.push(value);
    this.#wake();
  }

  /** Forgets all but the newest. */
  skip(): void {
    this.#queue.splice(0, this.#queue.length - 1);
  }

  async *read(): AsyncGenerator<T, void> {
    try {
      while (!this.#signal.aborted) {
        const value = this.#queue.shift();
        if (value !== undefined) yield value;
        else if (this.#tooSlow) throw new Failure("unavailable", "this reader is too slow");
        else await this.#woken();
      }
    } finally {
      this.#onClose();
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

export class Feed<T extends object> {
  readonly #readers = new Set<Reader<T>>();

  push(value: T): void {
    for (const reader of this.#readers) reader.offer(value);
  }

  subscribe(signal: AbortSignal): Reader<T> {
    const reader: Reader<T> = new Reader(signal, () => this.#readers.delete(reader));
    this.#readers.add(reader);
    return reader;
  }

  get readers(): number {
    return this.#readers.size;
  }
}

export class Latest<T extends object> {
  readonly #readers = new Set<Reader<T>>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    this.#value = value;
    for (const reader of this.#readers) {
      reader.offer(value);
      reader.skip();
    }
  }

  async *watch(signal: AbortSignal): AsyncGenerator<T, void> {
    const reader: Reader<T> = new Reader(signal, () => this.#readers.delete(reader));
    this.#readers.add(reader);
    reader.offer(this.#value);
    yield* reader.read();
  }

  get readers(): number {
    return this.#readers.size;
  }
}
