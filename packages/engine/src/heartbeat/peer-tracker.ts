/**
 * Which boot of the peer is believed (SPEC L3), and what its counters say. A boot id is accepted only after it answered a
 * fresh nonce of ours; until then its messages change nothing. A boot id that was replaced is never believed again, and a
 * counter counts once. All messages given to `receive` have passed the MAC.
 *
 *     state      event: current | unknown  | answered | expired
 *     unknown         -         | proving  |    -     |    -
 *     proving         -         | proving  |  known   | unknown
 *     known         known       | proving+ |    -     |    -       (proving+: the old boot is believed meanwhile)
 *     proving+     proving+     | proving+ |  known   |  known
 */
import { ArrivalWindow } from "./arrival-window.ts";
import type { Heartbeat } from "./message.ts";
import { MAX_ANSWERS } from "./message.ts";

/** A nonce unanswered for this long, or for this many heartbeat intervals, is given up: answers must be fresh. */
const CHALLENGE_MS = 5_000;
const CHALLENGE_INTERVALS = 4;
/** Boot ids remembered as ended. */
const MAX_RETIRED = 8;

export type BootState = "unknown" | "proving" | "known" | "provingAnew";
export type BootEvent = "current" | "unknown" | "answered" | "expired";

export const BOOT_EDGES = {
  unknown: { unknown: "proving" },
  proving: { unknown: "proving", answered: "known", expired: "unknown" },
  known: { current: "known", unknown: "provingAnew" },
  provingAnew: {
    current: "provingAnew",
    unknown: "provingAnew",
    answered: "known",
    expired: "known",
  },
} as const satisfies Record<BootState, Partial<Record<BootEvent, BootState>>>;

export type Received =
  /** Newest of its boot: counts. `newBoot` at a boot id's first; `replaced` when it took another's place. */
  | { kind: "accepted"; newBoot: boolean; replaced: boolean }
  /** Overtaken by a newer one: says nothing any more. */
  | { kind: "late" }
  /** Of a boot id that has not answered yet. */
  | { kind: "unproven" }
  | { kind: "rejected"; reason: "duplicate" | "ended-boot" };

interface AnswerSlot {
  bootId: bigint;
  counter: number;
  nonce: bigint;
}

interface Challenge {
  nonce: bigint;
  issuedAtMs: number;
  /** Messages of boot ids not accepted that came meanwhile: strangers' replays, if none answers. */
  unproven: number;
}

/** What must outlive the receiver thread, so that a new one neither asks anew nor accepts what was counted. */
export interface TrackerMemory {
  bootId: bigint;
  counter: number;
}

export class PeerTracker {
  readonly window = new ArrivalWindow();
  readonly #random: () => bigint;
  #state: BootState = "unknown";
  #bootId: bigint | null = null;
  readonly #retired: bigint[] = [];
  #challenge: Challenge | null = null;
  #strays = 0;
  /** Newest challenge of each boot id, latest first. One boot id holds one place, so replays crowd out nobody. */
  readonly #answers: AnswerSlot[] = [];

  /** `random` yields 64 random bits, never zero. */
  constructor(random: () => bigint, memory: TrackerMemory | null = null) {
    this.#random = random;
    if (memory) {
      this.#bootId = memory.bootId;
      this.window.begin(memory.counter);
      this.#state = "known";
    }
  }

  receive(message: Heartbeat, nowMs: number, intervalMs: number): Received {
    this.#expire(nowMs, intervalMs);
    if (message.bootId === this.#bootId) return this.#fromCurrent(message);
    if (this.#retired.includes(message.bootId)) return { kind: "rejected", reason: "ended-boot" };
    this.#noteChallenge(message);
    if (this.#challenge && message.answers.includes(this.#challenge.nonce))
      return this.#accept(message);
    this.#step("unknown");
    this.#challenge ??= { nonce: this.#random(), issuedAtMs: nowMs, unproven: 0 };
    this.#challenge.unproven++;
    return { kind: "unproven" };
  }

  /** To be called now and then. Returns how many messages turned out to be nobody's: none answered in time. */
  takeStrays(nowMs: number, intervalMs: number): number {
    this.#expire(nowMs, intervalMs);
    const strays = this.#strays;
    this.#strays = 0;
    return strays;
  }

  get state(): BootState {
    return this.#state;
  }

  /** The boot id believed at present. */
  get bootId(): bigint | null {
    return this.#bootId;
  }

  /** What the next message asks, and answers. */
  get challenge(): bigint | null {
    return this.#challenge?.nonce ?? null;
  }

  get answers(): bigint[] {
    return this.#answers.map((slot) => slot.nonce);
  }

  #fromCurrent(message: Heartbeat): Received {
    const arrival = this.window.admit(message.counter);
    if (arrival === "duplicate") return { kind: "rejected", reason: "duplicate" };
    if (arrival === "late") return { kind: "late" };
    this.#step("current");
    this.#noteChallenge(message);
    return { kind: "accepted", newBoot: false, replaced: false };
  }

  #accept(message: Heartbeat): Received {
    const before = this.#bootId;
    if (before !== null) {
      this.#retired.unshift(before);
      this.#retired.length = Math.min(this.#retired.length, MAX_RETIRED);
      this.#forgetAnswer(before);
    }
    this.#bootId = message.bootId;
    this.#challenge = null;
    this.window.begin(message.counter);
    this.#step("answered");
    return { kind: "accepted", newBoot: true, replaced: before !== null };
  }

  #expire(nowMs: number, intervalMs: number): void {
    const challenge = this.#challenge;
    const lifetimeMs = Math.max(CHALLENGE_MS, CHALLENGE_INTERVALS * intervalMs);
    if (!challenge || nowMs - challenge.issuedAtMs <= lifetimeMs) return;
    this.#challenge = null;
    this.#strays += challenge.unproven;
    this.#step("expired");
  }

  #noteChallenge(message: Heartbeat): void {
    const known = this.#answers.find((slot) => slot.bootId === message.bootId);
    if (known && known.counter >= message.counter) return;
    if (known) this.#forgetAnswer(message.bootId);
    if (message.challenge === null) return;
    this.#answers.unshift({
      bootId: message.bootId,
      counter: message.counter,
      nonce: message.challenge,
    });
    this.#answers.length = Math.min(this.#answers.length, MAX_ANSWERS);
  }

  #forgetAnswer(bootId: bigint): void {
    const index = this.#answers.findIndex((slot) => slot.bootId === bootId);
    if (index >= 0) this.#answers.splice(index, 1);
  }

  #step(event: BootEvent): void {
    const edges: Partial<Record<BootEvent, BootState>> = BOOT_EDGES[this.#state];
    const next = edges[event];
    if (next === undefined) throw new Error(`boot state ${this.#state} has no ${event}`);
    this.#state = next;
  }
}
