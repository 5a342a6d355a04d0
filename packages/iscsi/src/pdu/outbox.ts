/**
 * What a connection has to send. Pieces appended side by side in a slab become one run; `flush` gives all runs to the
 * socket under one cork, and releases their slabs when the kernel has taken them.
 */
import type { Socket } from "node:net";
import type { Slab, SlabPool } from "./slab.ts";

interface Run {
  readonly slab: Slab;
  readonly start: number;
  end: number;
}

export class Outbox {
  readonly #socket: Socket;
  readonly #pool: SlabPool;
  #runs: Run[] = [];
  #last: Run | null = null;
  /** Runs given to the socket, one array per flush, oldest first. */
  readonly #flights: Run[][] = [];
  /** Bytes appended and not yet taken by the kernel. */
  pendingBytes = 0;
  readonly #onTaken: () => void;

  /** `onTaken` is called whenever the kernel has taken a flush. */
  constructor(socket: Socket, pool: SlabPool, onTaken: () => void) {
    this.#socket = socket;
    this.#pool = pool;
    this.#onTaken = onTaken;
  }

  /** Appends a piece; it takes over one reference of the slab. */
  append(slab: Slab, start: number, end: number): void {
    this.pendingBytes += end - start;
    const last = this.#last;
    if (last !== null && last.slab === slab && last.end === start) {
      last.end = end;
      slab.refs--;
      return;
    }
    this.#last = { slab, start, end };
    this.#runs.push(this.#last);
  }

  flush(): void {
    const runs = this.#runs;
    if (runs.length === 0 || this.#socket.destroyed) return;
    this.#runs = [];
    this.#last = null;
    this.#flights.push(runs);
    if (runs.length === 1) {
      const run = runs[0] as Run;
      this.#socket.write(run.slab.bytes.subarray(run.start, run.end), this.#taken);
      return;
    }
    this.#socket.cork();
    const last = runs.length - 1;
    for (let i = 0; i < last; i++) {
      const run = runs[i] as Run;
      this.#socket.write(run.slab.bytes.subarray(run.start, run.end));
    }
    const run = runs[last] as Run;
    this.#socket.write(run.slab.bytes.subarray(run.start, run.end), this.#taken);
    this.#socket.uncork();
  }

  /** After an error the slabs are left to the garbage collector: nobody says whether they are still read. */
  readonly #taken = (error?: Error | null): void => {
    if (error) return;
    const runs = this.#flights.shift() as Run[];
    for (const run of runs) {
      this.pendingBytes -= run.end - run.start;
      this.#pool.release(run.slab);
    }
    this.#onTaken();
  };
}
