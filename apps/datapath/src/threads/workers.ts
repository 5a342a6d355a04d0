/** The worker threads as the main thread sees them: started, called, told, and started anew in number when n changes. */
import { Worker } from "node:worker_threads";
import { Caller } from "./calls.ts";
import type { WorkerCalls, WorkerData, WorkerNote, WorkerReport } from "./messages.ts";

const MODULE = new URL("./worker.ts", import.meta.url);
/** A worker holds its sessions and windows outside the heap; the heap stays small. */
const LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 16 };

export interface WorkersOptions {
  array: SharedArrayBuffer;
  kernelBootId: string;
  portals: readonly string[];
  report(index: number, report: WorkerReport): void;
  /** A worker died: a bug of ours. The process ends loudly and recovers (STYLE). */
  died(index: number, error: Error): void;
}

export class WorkerHandle {
  readonly index: number;
  private readonly worker: Worker;
  private readonly caller: Caller<WorkerCalls>;
  private stopping = false;

  constructor(index: number, options: WorkersOptions) {
    this.index = index;
    const { array, kernelBootId, portals } = options;
    const workerData: WorkerData = { index, array, kernelBootId, portals };
    this.worker = new Worker(MODULE, {
      workerData,
      resourceLimits: LIMITS,
      name: `worker-${index}`,
    });
    this.caller = new Caller(this.worker);
    this.worker.on("message", (message: unknown) => {
      if (!this.caller.take(message)) options.report(index, message as WorkerReport);
    });
    this.worker.on("error", (error) => options.died(index, error));
    this.worker.on("exit", () => {
      this.caller.fail(`worker ${index} has ended`);
      if (!this.stopping) options.died(index, new Error(`worker ${index} ended by itself`));
    });
  }

  call<K extends keyof WorkerCalls>(
    call: K,
    params: WorkerCalls[K]["params"],
  ): Promise<WorkerCalls[K]["result"]> {
    return this.caller.call(call, params);
  }

  tell(note: WorkerNote): void {
    this.worker.postMessage(note);
  }

  /** Ends in order. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.call("stop", {});
    await this.worker.terminate();
  }
}

export class Workers {
  private readonly options: WorkersOptions;
  private handles: WorkerHandle[] = [];

  constructor(options: WorkersOptions) {
    this.options = options;
  }

  get count(): number {
    return this.handles.length;
  }

  at(index: number): WorkerHandle {
    const handle = this.handles[index];
    if (handle === undefined) throw new Error(`there is no worker ${index}`);
    return handle;
  }

  /** Starts workers until there are `count`. */
  grow(count: number): void {
    while (this.handles.length < count) {
      this.handles.push(new WorkerHandle(this.handles.length, this.options));
    }
  }

  /** Ends the workers from `count` on; their LUNs were moved before. */
  async shrink(count: number): Promise<void> {
    const over = this.handles.splice(count);
    await Promise.all(over.map((handle) => handle.stop()));
  }

  tellAll(note: WorkerNote): void {
    for (const handle of this.handles) handle.tell(note);
  }
}
