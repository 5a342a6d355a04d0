/**
 * The supervisor's line to its data path: connects as soon as the local socket answers, says hello, delivers what is
 * to be recorded, and begins again whenever the connection ends. What cannot be delivered yet waits, up to a bound.
 */
import { connectLocal, type LocalClient } from "@lockstep/api/local";
import { type Actor, Failure, type ProcessMessageInput, type Status } from "@lockstep/model";
import { watchFor } from "./folder-watch.ts";

export type Report = ProcessMessageInput<"event.report">;
export type Hello = ProcessMessageInput<"hello">;

/** Reports beyond this are dropped, oldest first: they tell of a data path that has long not come up. */
const MAX_WAITING_REPORTS = 100;
const STATUS_INTERVAL_MS = 1000;

export interface LineListener {
  /** The data path answers; also after each reconnection. */
  connected(status: Status): void;
  /** The connection ended: the data path may be gone. */
  lost(): void;
  status(status: Status): void;
}

export class DataPathLine {
  readonly #data: string;
  readonly #hello: () => Hello;
  readonly #listener: LineListener;
  readonly #closing = new AbortController();
  readonly #actor: Actor = { who: "system", from: "supervisor" };
  readonly #waiting: Report[] = [];
  #client: LocalClient | null = null;
  #delivering = false;

  constructor(data: string, hello: () => Hello, listener: LineListener) {
    this.#data = data;
    this.#hello = hello;
    this.#listener = listener;
  }

  /** Keeps the line up until `close`. Never rejects. */
  async keep(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const client = await watchFor(this.#data, signal, () => this.#tryConnect());
      if (client === null) return;
      await client.closed;
      this.#client = null;
      if (!signal.aborted) this.#listener.lost();
    }
  }

  /** Says hello again, after what it says has changed. */
  renewHello(): void {
    this.#client?.tell("hello", this.#hello(), this.#actor).catch(() => undefined);
  }

  report(report: Report): void {
    if (this.#waiting.length >= MAX_WAITING_REPORTS) this.#waiting.shift();
    this.#waiting.push(report);
    void this.#deliver();
  }

  close(): void {
    this.#closing.abort();
    this.#client?.close();
  }

  async #tryConnect(): Promise<LocalClient | null> {
    let client: LocalClient | null = null;
    try {
      client = await connectLocal(this.#data, {
        onPush: (push) => {
          if (push.push === "status") this.#listener.status(push.data);
        },
      });
      if (this.#closing.signal.aborted) throw new Failure("unavailable", "the supervisor stops");
      await client.tell("hello", this.#hello(), this.#actor);
      const status = await client.command("status", {}, this.#actor);
      await client.tell("subscribe", { status: { intervalMs: STATUS_INTERVAL_MS } }, this.#actor);
      this.#client = client;
      this.#listener.connected(status);
      void this.#deliver();
      return client;
    } catch (error) {
      client?.close();
      if (error instanceof Failure) return null;
      throw error;
    }
  }

  /** One at a time and in order; what fails for want of a connection stays first in the queue. */
  async #deliver(): Promise<void> {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        if (this.#client === null) return;
        await this.#client.tell("event.report", next, this.#actor);
        if (this.#waiting[0] === next) this.#waiting.shift();
      }
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      // Refused, not undelivered: the same report would be refused for ever.
      if (error.code !== "unreachable" && error.code !== "timeout") this.#waiting.shift();
    } finally {
      this.#delivering = false;
    }
  }
}
