/**
 * The one place that knows what is true now: it takes in each status that the server sends, and tells how far it can
 * be trusted. Figures are live only while the WebSocket stands, the backend hears the data path, and updates come as
 * often as they must; else they are shown as what they are, figures from a past moment.
 */
import type { StatusView } from "@lockstep/api";
import type { Outage, Status } from "@lockstep/model";
import { PulseTrace } from "./pulses.ts";
import { addSample, GAP_MS, type Sample, sampleOf } from "./samples.ts";

export type Trust =
  | { kind: "waiting" }
  | { kind: "live" }
  /** The browser does not reach the backend. */
  | { kind: "lost" }
  /** The backend does not reach the data path. */
  | { kind: "away" }
  /** All stand, yet figures that must change do not come. */
  | { kind: "silent" };

export interface LiveState {
  status: Status | null;
  /** When the status came, by the browser's clock. */
  atMs: number | null;
  trust: Trust;
}

const WAITING: LiveState = { status: null, atMs: null, trust: { kind: "waiting" } };
/** A status comes with each heartbeat, held back for at most 250 ms by the backend; this much later is too late. */
const LATE_MS = 1000;

/** How long may pass between two updates; null where nothing need change (no peer, so no heartbeats). */
export function expectedGapMs(status: Status): number | null {
  return status.link.state === "unpaired" ? null : status.link.settings.t2 + LATE_MS;
}

export class Live {
  readonly samples: Sample[] = [];
  readonly trace = new PulseTrace();
  readonly outages = new Map<string, Outage>();
  #state = WAITING;
  #socketOpen = true;
  #dataPath: StatusView["dataPath"] = "connected";
  readonly #listeners = new Set<() => void>();

  readonly get = (): LiveState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  takeView(view: StatusView, nowMs: number): void {
    this.#socketOpen = true;
    this.#dataPath = view.dataPath;
    const { status } = view;
    if (status === null) {
      this.#set({ ...this.#state, trust: this.#trust(nowMs) });
      return;
    }
    const fresh = view.dataPath === "connected";
    const heardAt = view.at === null ? nowMs : Date.parse(view.at);
    const atMs = fresh ? nowMs : (this.#state.atMs ?? heardAt);
    if (fresh) {
      this.trace.add(status.link, nowMs, Math.max(expectedGapMs(status) ?? 0, GAP_MS));
      addSample(this.samples, sampleOf(status, nowMs));
    }
    this.#state = { ...this.#state, status, atMs };
    this.#set({ ...this.#state, trust: this.#trust(nowMs) });
  }

  takeOutage(outage: Outage): void {
    this.outages.set(outage.id, outage);
    this.#set({ ...this.#state });
  }

  socketLost(): void {
    if (!this.#socketOpen) return;
    this.#socketOpen = false;
    this.#set({ ...this.#state, trust: { kind: "lost" } });
  }

  /** Called a few times a second: finds out that updates stopped coming. */
  check(nowMs: number): void {
    const trust = this.#trust(nowMs);
    if (trust.kind !== this.#state.trust.kind) this.#set({ ...this.#state, trust });
  }

  #trust(nowMs: number): Trust {
    const { status, atMs } = this.#state;
    if (!this.#socketOpen) return { kind: "lost" };
    if (this.#dataPath === "away") return { kind: "away" };
    if (status === null || atMs === null) return { kind: "waiting" };
    const gap = expectedGapMs(status);
    return gap !== null && nowMs - atMs > gap ? { kind: "silent" } : { kind: "live" };
  }

  #set(state: LiveState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** Why the figures are not live, as a sentence; null while they are. */
export function staleBecause(trust: Trust): string | null {
  switch (trust.kind) {
    case "live":
      return null;
    case "waiting":
      return "Waiting for the server's first figures.";
    case "lost":
      return "The connection to the server is lost.";
    case "away":
      return "The data path does not answer its backend.";
    case "silent":
      return "The server's figures have stopped coming.";
  }
}
