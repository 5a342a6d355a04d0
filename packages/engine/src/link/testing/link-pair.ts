/**
 * Two servers' links in one simulated time: heartbeats and requests that a seeded network loses and delays, each way by
 * itself, and connections that come about as connector and connection threads make them.
 */
import { Random } from "../../testing/random.ts";
import { Schedule } from "../../testing/schedule.ts";
import type { LinkEffect } from "../link-machine.ts";
import { LinkSide, TIMES } from "./link-side.ts";

export type Way = "there" | "back";

/** Requests without an answer fail after so long. */
const REQUEST_MS = 40;
const RETRY_MS = 4;

export class LinkPair {
  readonly schedule = new Schedule();
  readonly alpha: LinkSide;
  readonly beta: LinkSide;
  /** Share of messages lost, alpha to beta and back. */
  readonly loss: Record<Way, number> = { there: 0, back: 0 };
  readonly effects: { side: LinkSide; effect: LinkEffect }[] = [];
  /** Of what the link's rules forbid, what happened. */
  readonly broken: string[] = [];
  /** Epochs that began with a pairing or a reshape, without an outage. */
  private readonly smooth = new Set<number>();
  private readonly random: Random;

  constructor(seed: number, numbers: { alpha: number; beta: number }) {
    this.random = new Random(seed);
    const world = {
      now: () => this.schedule.now,
      persistMs: () => 0.1 + this.random.next() * 8,
      after: (ms: number, task: () => void) => this.schedule.after(ms, task),
      effect: (side: LinkSide, effect: LinkEffect) => this.carryOut(side, effect),
    };
    this.alpha = new LinkSide("alpha", numbers.alpha, world);
    this.beta = new LinkSide("beta", numbers.beta, world);
    for (const side of [this.alpha, this.beta]) {
      this.every(TIMES.t2, () => this.beat(side));
      this.every(1, () => side.look());
      this.every(RETRY_MS, () => this.connect(side));
    }
  }

  pair(): void {
    const outageNumber = 1 + Math.max(this.alpha.stable, this.beta.stable);
    this.smooth.add(outageNumber);
    this.alpha.step({ type: "paired", outageNumber });
    this.beta.step({ type: "paired", outageNumber });
  }

  start(): void {
    this.alpha.step({ type: "started" });
    this.beta.step({ type: "started" });
  }

  restart(side: LinkSide): void {
    this.hangUp(side);
    side.restart();
  }

  /** What `LinkKeeper.set` does when n changes. */
  reshape(side: LinkSide): void {
    if (side.machine.state !== "up") return;
    const other = this.other(side);
    const { boot } = side;
    const outageNumber = side.machine.outageNumber + 1;
    this.smooth.add(outageNumber);
    let answered = false;
    const end = (taken: boolean): void => {
      if (answered || boot !== side.boot) return;
      answered = true;
      if (taken) side.step({ type: "reshape", outageNumber });
      side.step({ type: "reshape-asked", outageNumber: null });
    };
    side.step({ type: "reshape-asked", outageNumber });
    this.schedule.after(REQUEST_MS, () => end(false));
    this.send(side, () => {
      other.step({ type: "reshape", outageNumber });
      this.send(other, () => end(true));
    });
  }

  /** Both are up under one number, with connections both ways. */
  get whole(): boolean {
    const { alpha, beta } = this;
    const number = alpha.machine.outageNumber;
    return [alpha, beta].every(
      ({ machine, outgoing, incoming }) =>
        machine.state === "up" &&
        machine.outageNumber === number &&
        outgoing === number &&
        incoming === number,
    );
  }

  run(ms: number): void {
    this.schedule.run(ms);
  }

  /** Runs until `reached`; false when it was not within `ms`. */
  runUntil(reached: () => boolean, ms: number): boolean {
    for (let passed = 0; passed < ms; passed++) {
      if (reached()) return true;
      this.run(1);
    }
    return reached();
  }

  states(): string {
    return [this.alpha, this.beta]
      .map(({ name, machine }) => `${name} ${machine.state} ${machine.outageNumber}`)
      .join(", ");
  }

  private every(ms: number, task: () => void): void {
    const again = (): void => {
      task();
      this.schedule.after(ms, again);
    };
    this.schedule.after(this.random.next() * ms, again);
  }

  private other(side: LinkSide): LinkSide {
    return side === this.alpha ? this.beta : this.alpha;
  }

  private send(from: LinkSide, arrives: () => void): void {
    const way: Way = from === this.alpha ? "there" : "back";
    if (this.random.chance(this.loss[way])) return;
    this.schedule.after(0.1 + this.random.next() * 2, arrives);
  }

  private beat(side: LinkSide): void {
    const heartbeat = side.heartbeat();
    this.send(side, () => this.other(side).receive(heartbeat));
  }

  /** One attempt to make the outgoing connections that are wanted: ask for the ports, dial them. */
  private connect(side: LinkSide): void {
    const other = this.other(side);
    const epoch = side.wanted;
    if (epoch === 0 || side.outgoing === epoch) return;
    this.send(side, () => {
      if (!this.listens(other, epoch)) return;
      other.arm(epoch);
      this.send(other, () => {
        if (side.wanted !== epoch || !this.listens(other, epoch)) return;
        side.arm(epoch);
        this.connected(side, other, epoch);
      });
    });
  }

  /** Whether it has, or starts, connection threads of this epoch; an interruption ends them. */
  private listens({ machine }: LinkSide, epoch: number): boolean {
    const { state, outageNumber, publishedNumber } = machine;
    if (state !== "connecting" && state !== "up") return false;
    return epoch === publishedNumber && epoch === outageNumber;
  }

  private connected(side: LinkSide, other: LinkSide, epoch: number): void {
    side.outgoing = epoch;
    other.incoming = epoch;
    for (const each of [side, other]) {
      if (each.machine.publishedNumber !== epoch)
        this.broken.push(`a connection of ${epoch} where ${each.name} has it not stable`);
      const clean = this.schedule.now - each.lastInterruptedAt;
      if (!this.smooth.has(epoch) && clean < TIMES.probation)
        this.broken.push(`a connection ${clean} ms after ${each.name}'s interruption`);
    }
    for (const each of [side, other]) {
      const { machine, outgoing, incoming } = each;
      if (outgoing === epoch && incoming === epoch && machine.outageNumber === epoch)
        each.step({ type: "connected" });
    }
  }

  private hangUp(side: LinkSide): void {
    side.wanted = 0;
    for (const each of [this.alpha, this.beta]) {
      each.outgoing = 0;
      each.incoming = 0;
    }
  }

  private carryOut(side: LinkSide, effect: LinkEffect): void {
    this.effects.push({ side, effect });
    if (effect.do === "close" || effect.do === "hang-up") this.hangUp(side);
    if (effect.do !== "connect") return;
    if (side.stable !== effect.epoch) this.broken.push(`${side.name} connects before it is stable`);
    const known = this.other(side).stable;
    if (!this.smooth.has(effect.epoch) && known < effect.epoch)
      this.broken.push(`${side.name} connects under ${effect.epoch} and the peer has ${known}`);
    side.wanted = effect.epoch;
  }
}
