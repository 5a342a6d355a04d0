/**
 * The link between two servers, as one of them sees it (SPEC H3, O1, O5, L5): a pure state machine over what the
 * heartbeat threads report. Both sides agree on an outage number: each interruption raises it, the higher one is adopted
 * by both, and probation and connections count only under the number that both have stable.
 *
 * ```
 *  unpaired ── paired ──▶ connecting ── all made ──▶ up
 *                            ▲    │                  │ interruption, or a higher number of the peer
 *                  P is over │    ▼                  ▼
 *                         probation ◀── both hear ── interrupted
 * ```
 */
import type { LinkState, OutageCause } from "@lockstep/model";

export const LINK_EDGES = {
  unpaired: ["connecting", "interrupted"],
  connecting: ["up", "interrupted", "unpaired"],
  up: ["connecting", "interrupted", "unpaired"],
  interrupted: ["probation", "unpaired"],
  probation: ["connecting", "interrupted", "unpaired"],
} as const satisfies Record<LinkState, readonly LinkState[]>;

/** What the peer's heartbeats say of the peer. */
export interface PeerView {
  state: LinkState;
  outageNumber: number;
  hearsUs: boolean;
}

export type LinkEvent =
  /** The first pairing, under a number both agreed on: nothing was interrupted yet, connections are made at once. */
  | { type: "paired"; outageNumber: number }
  /** The data path began and has a peer. */
  | { type: "started" }
  | { type: "unpaired" }
  /** `begunAt`: of the last sign of life. `detectedAt`: when it was seen to be the last. Monotonic ms. */
  | { type: "interrupted"; cause: OutageCause; begunAt: number; detectedAt: number }
  | { type: "heard" }
  | { type: "peer"; peer: PeerView }
  /** `persist` of this number is stable. */
  | { type: "persisted"; outageNumber: number }
  /** All connections of the present epoch are made, in both directions. */
  | { type: "connected" }
  /** The peer is being asked to make connections anew under this number; null: it was not reached. */
  | { type: "reshape-asked"; outageNumber: number | null }
  /** Connections are made anew under a new number, without an interruption (n changes). */
  | { type: "reshape"; outageNumber: number }
  | { type: "tick" };

export type LinkEffect =
  | { do: "persist"; outageNumber: number }
  /** Close all connections; an outage begins where LUNs are mirrored. */
  | { do: "close"; cause: OutageCause; begunAt: number; detectedAt: number }
  /** Close all connections, to be made again at once: a flap for the LUNs. */
  | { do: "hang-up" }
  /** Make all connections under this epoch. */
  | { do: "connect"; epoch: number }
  | { do: "state"; state: LinkState };

export class LinkMachine {
  private stateNow: LinkState = "unpaired";
  private number: number;
  private stableNumber: number;
  private hearing = false;
  private peer: PeerView | null = null;
  private probationSince = 0;
  private connectedUnder = 0;
  private reshapeAsked: number | null = null;
  private effects: LinkEffect[] = [];

  /** `outageNumber`: the stable one. */
  constructor(outageNumber: number) {
    this.number = outageNumber;
    this.stableNumber = outageNumber;
  }

  get state(): LinkState {
    return this.stateNow;
  }

  get outageNumber(): number {
    return this.number;
  }

  /** What may be told to the peer: only what is stable. */
  get publishedNumber(): number {
    return this.stableNumber;
  }

  probationMs(now: number): number | null {
    return this.stateNow === "probation" ? now - this.probationSince : null;
  }

  /** When a `tick` is due, monotonic ms; null where none is, and where an event must come first. */
  deadline(probation: number): number | null {
    return this.stateNow === "probation" && this.agreed ? this.probationSince + probation : null;
  }

  /** Takes an event; returns what is to be done, in order. `probation`: P in ms. */
  step(event: LinkEvent, now: number, probation: number): LinkEffect[] {
    this.effects = [];
    this.take(event, now);
    this.advance(now, probation);
    return this.effects;
  }

  private take(event: LinkEvent, now: number): void {
    switch (event.type) {
      case "paired":
        this.raise(event.outageNumber);
        this.become("connecting");
        return;
      case "started":
        this.raise(this.number + 1);
        this.become("interrupted");
        return;
      case "unpaired":
        this.hearing = false;
        this.peer = null;
        if (this.stateNow !== "unpaired") this.close("operator", now, now);
        this.become("unpaired");
        return;
      case "interrupted":
        if (event.cause !== "one-way") this.hearing = event.cause === "peer-restart";
        this.interrupt(event.cause, event.begunAt, event.detectedAt);
        return;
      case "heard":
        this.hearing = true;
        return;
      case "peer":
        this.hearing = true;
        this.peer = event.peer;
        if (event.peer.outageNumber > this.number) {
          if (event.peer.outageNumber === this.reshapeAsked) this.reshape(this.reshapeAsked);
          else this.adopt(event.peer.outageNumber, now);
        }
        return;
      case "persisted":
        this.stableNumber = Math.max(this.stableNumber, event.outageNumber);
        return;
      case "connected":
        if (this.stateNow === "connecting") this.become("up");
        return;
      case "reshape-asked":
        this.reshapeAsked = event.outageNumber;
        return;
      case "reshape":
        this.reshape(event.outageNumber);
        return;
      case "tick":
        return;
    }
  }

  /** Both hear each other, and have the same number stable. */
  private get agreed(): boolean {
    const { peer } = this;
    return (
      this.hearing &&
      peer?.hearsUs === true &&
      peer.outageNumber === this.number &&
      this.stableNumber === this.number
    );
  }

  /** Goes on as far as the facts allow. */
  private advance(now: number, probation: number): void {
    const { agreed } = this;
    if (this.stateNow === "interrupted" && agreed) {
      this.probationSince = now;
      this.become("probation");
    }
    if (this.stateNow === "probation" && agreed && now - this.probationSince >= probation) {
      this.become("connecting");
    }
    if (this.stateNow === "connecting" && this.stableNumber === this.number) this.connect();
  }

  private connect(): void {
    if (this.connectedUnder === this.number) return;
    this.connectedUnder = this.number;
    this.effects.push({ do: "connect", epoch: this.number });
  }

  private interrupt(cause: OutageCause, begunAt: number, detectedAt: number): void {
    if (this.stateNow === "unpaired") return;
    // What the peer tells of an interruption that we know of already needs no number of its own.
    const known = this.stateNow === "interrupted" && cause === "one-way";
    if (!known) this.raise(this.number + 1);
    this.close(cause, begunAt, detectedAt);
    this.become("interrupted");
  }

  /** The peer counted an interruption that we did not see. */
  private adopt(number: number, now: number): void {
    if (this.stateNow === "unpaired") return;
    this.raise(number);
    this.close("one-way", now, now);
    this.become("interrupted");
  }

  private reshape(number: number): void {
    this.reshapeAsked = null;
    if (number <= this.number || (this.stateNow !== "up" && this.stateNow !== "connecting")) return;
    this.raise(number);
    this.effects.push({ do: "hang-up" });
    this.become("connecting");
  }

  private raise(number: number): void {
    this.number = number;
    this.effects.push({ do: "persist", outageNumber: number });
  }

  private close(cause: OutageCause, begunAt: number, detectedAt: number): void {
    if (this.stateNow === "connecting" || this.stateNow === "up") {
      this.effects.push({ do: "close", cause, begunAt, detectedAt });
    }
  }

  private become(state: LinkState): void {
    if (state === this.stateNow) return;
    const legal: readonly LinkState[] = LINK_EDGES[this.stateNow];
    if (!legal.includes(state))
      throw new Error(`a link can't go from ${this.stateNow} to ${state}`);
    this.stateNow = state;
    this.effects.push({ do: "state", state });
  }
}
