/** The connection threads of one set of connections, as the main thread sees them (SPEC L1, L2, L5). */
import { Worker } from "node:worker_threads";
import type { ConnectionArray } from "@lockstep/engine/io";
import { Failure } from "@lockstep/model";
import type {
  ConnectionThreadData,
  ConnectionThreadNote,
  ConnectionThreadReport,
  CopySpec,
} from "./messages.ts";

const MODULE = new URL("./connection-thread.ts", import.meta.url);
const LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 };

export interface ConnectionThreadsOptions {
  array: ConnectionArray;
  kernelBootId: string;
  /** Host to listen on. */
  host: string;
  self: string;
  copyOf(uuid: string): CopySpec | string;
  report(report: ConnectionThreadReport): void;
  /** A thread is connected, or has exited. */
  changed(): void;
}

interface Thread {
  worker: Worker;
  epoch: number;
  connected: boolean;
  exited: Promise<void>;
  port: Promise<number>;
  /** Who waits until the thread has closed a LUN's copy, by the LUN's uuid. */
  forgetting: Map<string, () => void>;
}

export class ConnectionThreads {
  private readonly options: ConnectionThreadsOptions;
  private threads: (Thread | null)[] = [];
  /** Rises when all are closed: what was about to start then does not start any more. */
  private closings = 0;

  constructor(options: ConnectionThreadsOptions) {
    this.options = options;
  }

  /** Whether `count` threads of `epoch` have their workers connected. */
  allConnected(epoch: number, count: number): boolean {
    for (let index = 0; index < count; index++) {
      const thread = this.threads[index];
      if (!thread?.connected || thread.epoch !== epoch) return false;
    }
    return true;
  }

  /** Starts a set anew, each thread after the one before it in its element has exited. Resolves with their ports. */
  start(count: number, epoch: number, peer: string, secret: Uint8Array): Promise<number[]> {
    for (let index = count; index < this.threads.length; index++)
      this.close(index, "the set is smaller");
    return Promise.all(
      Array.from({ length: count }, (_, index) => this.restart(index, epoch, peer, secret)),
    );
  }

  /** A new thread for one element, once the old one has exited. */
  async restart(index: number, epoch: number, peer: string, secret: Uint8Array): Promise<number> {
    const { closings } = this;
    // Again after each wait: another restart may have been first to start a thread.
    for (let old = this.threads[index]; old; old = this.threads[index]) {
      this.close(index, "connections are made again");
      await old.exited;
    }
    if (closings !== this.closings) throw new Failure("unavailable", "the connections are closed");
    const { array, kernelBootId, host, self } = this.options;
    array.in.setConnected(index, false);
    const data: ConnectionThreadData = {
      index,
      epoch,
      host,
      self,
      peer,
      secret,
      array: array.buffer,
      kernelBootId,
    };
    const worker = new Worker(MODULE, {
      workerData: data,
      resourceLimits: LIMITS,
      name: `connection-${index}`,
    });
    const thread = this.follow(worker, index, epoch);
    const port = await thread.port;
    array.in.setSocket(index, { host, port });
    return port;
  }

  close(index: number, reason: string): void {
    const note: ConnectionThreadNote = { note: "close", reason };
    this.threads[index]?.worker.postMessage(note);
  }

  async closeAll(reason: string): Promise<void> {
    this.closings++;
    for (let index = 0; index < this.threads.length; index++) this.close(index, reason);
    await Promise.all(this.threads.map((thread) => thread?.exited));
  }

  /** Has a LUN's copy closed wherever it is open; resolves when it is. */
  async forget(uuid: string): Promise<void> {
    const note: ConnectionThreadNote = { note: "forget", uuid };
    await Promise.all(
      this.threads.map((thread) => {
        if (thread === null) return null;
        const forgotten = new Promise<void>((resolve) => thread.forgetting.set(uuid, resolve));
        thread.worker.postMessage(note);
        return Promise.race([forgotten, thread.exited]);
      }),
    );
  }

  private follow(worker: Worker, index: number, epoch: number): Thread {
    const listening = Promise.withResolvers<number>();
    const exited = Promise.withResolvers<void>();
    const thread: Thread = {
      worker,
      epoch,
      connected: false,
      exited: exited.promise,
      port: listening.promise,
      forgetting: new Map(),
    };
    this.threads[index] = thread;
    worker.on("message", (report: ConnectionThreadReport) => {
      if (report.report === "listening") {
        listening.resolve(report.port);
      } else if (report.report === "need") {
        const spec = this.options.copyOf(report.uuid);
        const note: ConnectionThreadNote = { note: "copy", uuid: report.uuid, spec };
        worker.postMessage(note);
      } else if (report.report === "forgotten") {
        thread.forgetting.get(report.uuid)?.();
        thread.forgetting.delete(report.uuid);
      } else {
        if (report.report === "connected") thread.connected = true;
        this.options.report(report);
      }
      this.options.changed();
    });
    worker.on("error", (error) => listening.reject(error));
    worker.on("exit", () => {
      thread.connected = false;
      if (this.threads[index] === thread) {
        this.threads[index] = null;
        this.options.array.in.setConnected(index, false);
      }
      listening.reject(new Failure("unavailable", "the connection thread exited"));
      exited.resolve();
      this.options.changed();
    });
    return thread;
  }
}
