/** One server's heartbeats for tests: starts them on a free loopback port, keeps their events, waits for one. */
import { randomBytes } from "node:crypto";
import type { LinkSettings } from "@lockstep/model";
import { ConnectionArray } from "../connection-array.ts";
import type { HeartbeatEvent } from "../heartbeat-protocol.ts";
import type { Heartbeats, HeartbeatsOptions } from "../heartbeats.ts";
import { startHeartbeats } from "../heartbeats.ts";
import { monotonicMs } from "../monotonic-clock.ts";

export const SETTINGS: LinkSettings = {
  t1: 100,
  t2: 20,
  t3: 300,
  t4: 200,
  probation: 500,
  connections: 2,
};
export const UUIDS = {
  alpha: "6f0d6f5c-0000-4000-8000-00000000000a",
  beta: "1b0d6f5c-0000-4000-8000-00000000000b",
} as const;
export type SideName = keyof typeof UUIDS;
export const KEY = new Uint8Array(32).fill(7);

export function createArray(settings = SETTINGS): ConnectionArray {
  return ConnectionArray.create(randomBytes(8).readBigUInt64BE() | 1n, settings, 1);
}

export class HeartbeatSide {
  readonly array: ConnectionArray;
  readonly events: (HeartbeatEvent & { saidAt: number })[] = [];
  readonly name: SideName;
  #heartbeats: Heartbeats | null = null;
  readonly #waiting = new Set<() => void>();

  static async start(
    name: SideName,
    options: Partial<HeartbeatsOptions> = {},
  ): Promise<HeartbeatSide> {
    const side = new HeartbeatSide(name, options.array);
    side.#heartbeats = await startHeartbeats({
      array: side.array,
      uuid: UUIDS[name],
      bind: { host: "127.0.0.1", port: 0 },
      versions: { min: 1, max: 1 },
      on: (event) => {
        side.events.push({ ...event, saidAt: monotonicMs() });
        for (const look of side.#waiting) look();
      },
      ...options,
    });
    return side;
  }

  private constructor(name: SideName, array = createArray()) {
    this.name = name;
    this.array = array;
  }

  get heartbeats(): Heartbeats {
    if (!this.#heartbeats) throw new Error("not started");
    return this.#heartbeats;
  }

  meet(port: number, host = "127.0.0.1", key = KEY): void {
    const peer = this.name === "alpha" ? "beta" : "alpha";
    this.heartbeats.setPeer({ host, port, uuid: UUIDS[peer], key });
  }

  /** The first event from number `from` on that fits; rejects after `timeoutMs`. */
  until<T extends HeartbeatEvent["type"]>(
    type: T,
    fits: (event: Extract<HeartbeatEvent, { type: T }>) => boolean = () => true,
    from = 0,
    timeoutMs = 20_000,
  ): Promise<Extract<HeartbeatEvent, { type: T }> & { saidAt: number }> {
    type Wanted = Extract<HeartbeatEvent, { type: T }> & { saidAt: number };
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.events
          .slice(from)
          .find((event) => event.type === type && fits(event as Wanted));
        if (!found) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found as Wanted);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        const said = this.events.map((event) =>
          JSON.stringify(event, (_, v) => (typeof v === "bigint" ? `${v}` : v)),
        );
        reject(new Error(`${this.name} said no such ${type}, but ${said.join("\n")}`));
      }, timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }

  /** Both signals are heard. */
  async well(from = 0): Promise<void> {
    await this.until("heard", (event) => event.direction === "in", from);
    await this.until("heard", (event) => event.direction === "out", from);
  }

  interruptions(): HeartbeatEvent[] {
    return this.events.filter((event) => event.type === "interrupted");
  }

  close(): Promise<void> {
    return this.heartbeats.close();
  }
}

/** Both sides hear each other and have `count` connections armed under epoch 1. */
export async function startPair(
  settings = SETTINGS,
): Promise<{ alpha: HeartbeatSide; beta: HeartbeatSide }> {
  const alpha = await HeartbeatSide.start("alpha", { array: createArray(settings) });
  const beta = await HeartbeatSide.start("beta", { array: createArray(settings) });
  alpha.meet(beta.heartbeats.port);
  beta.meet(alpha.heartbeats.port);
  await Promise.all([alpha.well(), beta.well()]);
  armBoth(alpha, beta, 1);
  return { alpha, beta };
}

export function armBoth(alpha: HeartbeatSide, beta: HeartbeatSide, epoch: number): void {
  alpha.heartbeats.arm({ count: SETTINGS.connections, epoch });
  beta.heartbeats.arm({ count: SETTINGS.connections, epoch });
}
