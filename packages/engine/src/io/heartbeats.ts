/**
 * The main thread's handle on its heartbeat sender and receiver threads (SPEC H1, H5): starts both, starts a stuck or dead
 * one anew, hands settings down and events up. All figures are in the shared `ConnectionArray`.
 */
import { Worker } from "node:worker_threads";
import { Failure } from "@lockstep/model";
import { uuidBytes } from "../heartbeat/index.ts";
import type { ConnectionArray } from "./connection-array.ts";
import { directionOf, heartbeatKey } from "./heartbeat-mac.ts";
import type {
  HeartbeatEvent,
  Published,
  ThreadCommand,
  ThreadData,
  ThreadPeer,
  ThreadReport,
} from "./heartbeat-protocol.ts";
import { monotonicMs } from "./monotonic-clock.ts";

export interface HeartbeatPeer {
  host: string;
  port: number;
  uuid: string;
  /** The pairing secret, from which both directions' keys are derived. */
  key: Uint8Array;
}

export interface HeartbeatsOptions {
  array: ConnectionArray;
  /** This server's UUID. */
  uuid: string;
  bind: { host: string; port: number };
  /** Protocol versions this release speaks. */
  versions: { min: number; max: number };
  on: (event: HeartbeatEvent) => void;
  /** Other thread modules: for tests that need one to misbehave. */
  modules?: Partial<Record<ThreadName, URL>>;
}

export interface Heartbeats {
  /** The UDP port heartbeats are received on. */
  readonly port: number;
  /** Whom to send to and to believe; null: nobody. The sender begins at once. */
  setPeer(peer: HeartbeatPeer | null): void;
  /** What further messages say; what is left out stays. */
  publish(published: Partial<Published>): void;
  /** Begins a set of connections: all elements open. `epoch` must be greater than any before. */
  arm(set: { count: number; epoch: number }): void;
  /** Sends nothing for so long (a drill, O8); 0 ends it. */
  silence(seconds: number): void;
  close(): Promise<void>;
}

type ThreadName = "sender" | "receiver";

const MODULES: Record<ThreadName, URL> = {
  sender: new URL("./heartbeat-sender.ts", import.meta.url),
  receiver: new URL("./heartbeat-receiver.ts", import.meta.url),
};
/** Both threads hold next to nothing. */
const LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 };
/** A thread that dies again and again is started no faster than this. */
const RESTART_MS = 1_000;

const FIRST: Published = {
  state: "unpaired",
  outageNumber: 0,
  settingsVersion: 0,
  probationMs: null,
  unanswered: [],
};

/** Resolves when the receiver listens; fails when the address cannot be had. */
export async function startHeartbeats(options: HeartbeatsOptions): Promise<Heartbeats> {
  const threads = new HeartbeatThreads(options);
  try {
    await threads.bound;
  } catch (error) {
    await threads.close();
    throw error;
  }
  return threads;
}

class HeartbeatThreads implements Heartbeats {
  readonly #options: HeartbeatsOptions;
  readonly #workers = new Map<ThreadName, Worker>();
  readonly #starts: Record<ThreadName, number> = { sender: 0, receiver: 0 };
  readonly #peers: Record<ThreadName, ThreadPeer | null> = { sender: null, receiver: null };
  readonly bound: Promise<void>;
  #bound: ((failure: Failure | null) => void) | null = null;
  #published: Published = FIRST;
  #port = 0;
  #closed = false;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
    this.bound = new Promise((resolve, reject) => {
      this.#bound = (failure) => (failure ? reject(failure) : resolve());
    });
    this.#start("receiver");
    this.#start("sender");
  }

  get port(): number {
    return this.#port;
  }

  setPeer(peer: HeartbeatPeer | null): void {
    const { uuid } = this.#options;
    this.#peers.sender = peer && threadPeer(peer, uuid, peer.uuid);
    this.#peers.receiver = peer && threadPeer(peer, peer.uuid, uuid);
    // The receiver first: it forgets the last peer before the sender looks at ages.
    this.#tell("receiver", { type: "peer", peer: this.#peers.receiver });
    this.#tell("sender", { type: "peer", peer: this.#peers.sender });
  }

  publish(published: Partial<Published>): void {
    this.#published = { ...this.#published, ...published };
    this.#tell("sender", { type: "publish", published: this.#published });
  }

  arm({ count, epoch }: { count: number; epoch: number }): void {
    this.#options.array.arm(count, epoch, monotonicMs());
    this.#tell("sender", { type: "wake" });
  }

  silence(seconds: number): void {
    this.#options.array.setSilencedUntil(seconds === 0 ? 0 : monotonicMs() + seconds * 1000);
    this.#tell("sender", { type: "wake" });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#workers.values()].map((worker) => worker.terminate()));
    this.#workers.clear();
  }

  #start(name: ThreadName): void {
    const { array, versions, bind, modules } = this.#options;
    const data: ThreadData = {
      buffer: array.buffer,
      versions,
      peer: this.#peers[name],
      start: this.#starts[name]++,
      bind: { host: bind.host, port: this.#port || bind.port },
      published: this.#published,
    };
    const startedAtMs = monotonicMs();
    const worker = new Worker(modules?.[name] ?? MODULES[name], {
      workerData: data,
      resourceLimits: LIMITS,
      name: `heartbeat-${name}`,
    });
    this.#workers.set(name, worker);
    worker.on("message", (report: ThreadReport) => this.#hear(report));
    worker.on("error", (error) => this.#trouble(name, error.message));
    worker.on("exit", () => this.#restart(name, worker, startedAtMs));
  }

  #hear(report: ThreadReport): void {
    if (this.#closed) return;
    if (report.type === "event") {
      this.#options.on(report.event);
    } else if (report.type === "receiver-stuck") {
      this.#trouble("receiver", "it did not empty its socket for T3");
      // Its exit starts the next one, which needs the port that this one holds.
      void this.#workers.get("receiver")?.terminate();
    } else if (report.type === "bound") {
      this.#port = report.port;
      this.#settle(null);
    } else if (this.#bound) {
      const { host, port } = this.#options.bind;
      const why = report.code === "EADDRINUSE" ? "is in use" : `cannot be used (${report.message})`;
      this.#settle(
        new Failure("unavailable", `the heartbeat address ${host}:${port} (UDP) ${why}`),
      );
    } else {
      this.#trouble("receiver", report.message);
    }
  }

  #settle(failure: Failure | null): void {
    this.#bound?.(failure);
    this.#bound = null;
  }

  #restart(name: ThreadName, worker: Worker, startedAtMs: number): void {
    if (this.#closed || this.#workers.get(name) !== worker) return;
    this.#workers.delete(name);
    const pauseMs = Math.max(0, startedAtMs + RESTART_MS - monotonicMs());
    setTimeout(() => {
      if (!this.#closed) this.#start(name);
    }, pauseMs);
  }

  #trouble(thread: ThreadName, problem: string): void {
    if (!this.#closed) this.#options.on({ type: "trouble", thread, problem });
  }

  #tell(name: ThreadName, command: ThreadCommand): void {
    this.#workers.get(name)?.postMessage(command);
  }
}

function threadPeer(peer: HeartbeatPeer, sender: string, receiver: string): ThreadPeer {
  return {
    host: peer.host,
    port: peer.port,
    sender: uuidBytes(sender),
    direction: directionOf(sender, receiver),
    key: heartbeatKey(peer.key, sender, receiver),
  };
}
