import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Heartbeat } from "./message.ts";
import type { BootEvent, BootState } from "./peer-tracker.ts";
import { BOOT_EDGES, PeerTracker } from "./peer-tracker.ts";

const T2 = 500;

/** A server reduced to what the handshake needs: a boot, a counter and its tracker of the other. */
class Side {
  readonly bootId: bigint;
  readonly tracker: PeerTracker;
  counter = 0;

  constructor(bootId: bigint) {
    this.bootId = bootId;
    let nonce = bootId * 1000n;
    this.tracker = new PeerTracker(() => ++nonce);
  }

  say(): Heartbeat {
    return {
      versionMin: 1,
      versionMax: 1,
      bootId: this.bootId,
      counter: ++this.counter,
      sentAtUs: this.counter * 1000,
      echo: null,
      intervalMs: T2,
      challenge: this.tracker.challenge,
      answers: this.tracker.answers,
      state: "up",
      hears: true,
      outageNumber: 0,
      settingsVersion: 0,
      epoch: 0,
      closedOut: 0,
      closedIn: 0,
      probationMs: null,
      lossIn: null,
      lunAges: [],
    };
  }

  hear(message: Heartbeat, nowMs: number) {
    return this.tracker.receive(message, nowMs, T2);
  }
}

/** Both say one message, which the other hears. */
function exchange(a: Side, b: Side, nowMs: number): void {
  const fromA = a.say();
  const fromB = b.say();
  b.hear(fromA, nowMs);
  a.hear(fromB, nowMs);
}

function acquainted(): [Side, Side] {
  const a = new Side(1n);
  const b = new Side(2n);
  for (let i = 0; i < 3; i++) exchange(a, b, i * T2);
  return [a, b];
}

describe("peer tracker", () => {
  it("[L3] accepts both boot ids within three messages of two fresh servers", () => {
    const [a, b] = acquainted();
    expect(a.tracker.bootId).toBe(2n);
    expect(b.tracker.bootId).toBe(1n);
    expect(a.tracker.challenge).toBeNull();
  });

  it("[L3] accepts no boot id that has not answered, however many messages it sends", () => {
    const a = new Side(1n);
    const deaf = new Side(2n);
    for (let i = 0; i < 50; i++) expect(a.hear(deaf.say(), i).kind).toBe("unproven");
    expect(a.tracker.bootId).toBeNull();
  });

  it("[L3] accepts a restarted peer after a challenge, believing the old boot meanwhile, never again after", () => {
    const [a, b] = acquainted();
    const restarted = new Side(3n);
    expect(a.hear(restarted.say(), 5_000).kind).toBe("unproven");
    expect(a.tracker.state).toBe("provingAnew");
    expect(a.hear(b.say(), 5_001).kind).toBe("accepted");
    restarted.hear(a.say(), 5_002);
    expect(a.hear(restarted.say(), 5_003)).toEqual({
      kind: "accepted",
      newBoot: true,
      replaced: true,
    });
    expect(a.hear(b.say(), 5_004)).toEqual({ kind: "rejected", reason: "ended-boot" });
  });

  it("[L3] never accepts a recorded datagram, in this life or after a restart", () => {
    const a = new Side(1n);
    const b = new Side(2n);
    const recorded: Heartbeat[] = [];
    for (let i = 0; i < 20; i++) {
      const fromA = a.say();
      const fromB = b.say();
      recorded.push(fromB);
      b.hear(fromA, i * T2);
      a.hear(fromB, i * T2);
    }
    for (const message of recorded.slice(2)) {
      expect(a.hear(message, 20 * T2)).toEqual({ kind: "rejected", reason: "duplicate" });
    }
    const restarted = new Side(9n);
    for (let round = 0; round < 3; round++) {
      for (const message of recorded)
        expect(restarted.hear(message, round * T2).kind).toBe("unproven");
    }
    expect(restarted.tracker.bootId).toBeNull();
    expect(restarted.tracker.takeStrays(1_000_000, T2)).toBe(3 * recorded.length);
  });

  it("[L3] a nonce that was not answered in time is worth nothing later", () => {
    const a = new Side(1n);
    const b = new Side(2n);
    a.hear(b.say(), 0);
    b.hear(a.say(), 1);
    const late = b.say();
    expect(a.hear(late, 60_000).kind).toBe("unproven");
    expect(a.tracker.bootId).toBeNull();
  });

  it("[L3] replays of older boots do not keep a fresh peer from being accepted", () => {
    const [a, b] = acquainted();
    const recorded = Array.from({ length: 50 }, () => b.say());
    const newA = new Side(11n);
    const newB = new Side(12n);
    for (let i = 0; i < 3; i++) {
      for (const message of recorded) newA.hear(message, i * T2);
      for (let k = 0; k < 50; k++) newB.hear(a.say(), i * T2);
      exchange(newA, newB, i * T2);
    }
    expect(newA.tracker.bootId).toBe(12n);
    expect(newB.tracker.bootId).toBe(11n);
  });

  it("[L3] every counter counts at most once, in whatever order and however often datagrams come", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 300 }), { maxLength: 500 }), (counters) => {
        const [a, b] = acquainted();
        const base = b.counter;
        const accepted = new Set<number>();
        let newest = 0;
        for (const counter of counters) {
          const received = a.hear({ ...b.say(), counter: base + counter }, 5_000);
          if (received.kind !== "accepted") continue;
          expect(accepted.has(counter)).toBe(false);
          expect(counter).toBeGreaterThan(newest);
          newest = counter;
          accepted.add(counter);
        }
      }),
    );
  });

  it("[H5] a receiver started anew goes on: it counts nothing twice and asks nothing anew", () => {
    const [a, b] = acquainted();
    const message = b.say();
    a.hear(message, 5_000);
    const next = new PeerTracker(() => 1n, { bootId: 2n, counter: message.counter });
    expect(next.receive(message, 5_001, T2).kind).toBe("rejected");
    expect(next.receive(b.say(), 5_002, T2)).toEqual({
      kind: "accepted",
      newBoot: false,
      replaced: false,
    });
  });

  it("leaves no state without a way to another", () => {
    const reached = new Set<BootState>(["unknown"]);
    for (const edges of Object.values(BOOT_EDGES)) {
      for (const next of Object.values(edges as Partial<Record<BootEvent, BootState>>))
        reached.add(next);
    }
    expect([...reached].sort()).toEqual(Object.keys(BOOT_EDGES).sort());
  });
});
