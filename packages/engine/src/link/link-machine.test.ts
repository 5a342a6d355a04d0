/** The link's states (SPEC H3, O1, O5, L5): each edge by itself, then two links and a network that does as it likes. */
import type { LinkState } from "@lockstep/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LINK_EDGES, type LinkEffect, type LinkEvent, LinkMachine } from "./link-machine.ts";
import { LinkPair } from "./testing/link-pair.ts";
import { TIMES } from "./testing/link-side.ts";

const P = 100;
const PAIRED: LinkEvent = { type: "paired", outageNumber: 5 };
const CONNECTED: LinkEvent = { type: "connected" };

function persisted(outageNumber: number): LinkEvent {
  return { type: "persisted", outageNumber };
}
function heardFrom(
  outageNumber: number,
  state: LinkState = "interrupted",
  hearsUs = true,
): LinkEvent {
  return { type: "peer", peer: { state, outageNumber, hearsUs } };
}
function interrupted(cause: "silence" | "one-way" | "peer-restart" = "silence"): LinkEvent {
  return { type: "interrupted", cause, begunAt: 7, detectedAt: 9 };
}

/** What leads into each state, from a machine whose stable number is 4, at time 10. */
const INTO: Record<LinkState, LinkEvent[]> = {
  unpaired: [],
  connecting: [PAIRED, persisted(5)],
  up: [PAIRED, persisted(5), CONNECTED],
  interrupted: [PAIRED, persisted(5), CONNECTED, interrupted()],
  probation: [PAIRED, persisted(5), CONNECTED, interrupted(), persisted(6), heardFrom(6)],
};

function machineIn(state: LinkState): LinkMachine {
  const machine = new LinkMachine(4);
  for (const event of INTO[state]) machine.step(event, 10, P);
  expect(machine.state).toBe(state);
  return machine;
}

interface Edge {
  from: LinkState;
  event: LinkEvent;
  to: LinkState;
  at?: number;
  effects: LinkEffect[];
}
const persist = (outageNumber: number): LinkEffect => ({ do: "persist", outageNumber });
const state = (to: LinkState): LinkEffect => ({ do: "state", state: to });
const closed = (
  cause: "silence" | "one-way" | "operator",
  begunAt: number,
  detectedAt = begunAt,
): LinkEffect => ({ do: "close", cause, begunAt, detectedAt });

const EDGES: Edge[] = [
  { from: "unpaired", event: PAIRED, to: "connecting", effects: [persist(5), state("connecting")] },
  {
    from: "unpaired",
    event: { type: "started" },
    to: "interrupted",
    effects: [persist(5), state("interrupted")],
  },
  { from: "connecting", event: CONNECTED, to: "up", effects: [state("up")] },
  {
    from: "connecting",
    event: interrupted(),
    to: "interrupted",
    effects: [persist(6), closed("silence", 7, 9), state("interrupted")],
  },
  {
    from: "connecting",
    event: { type: "unpaired" },
    to: "unpaired",
    effects: [closed("operator", 11), state("unpaired")],
  },
  {
    from: "up",
    event: { type: "reshape", outageNumber: 6 },
    to: "connecting",
    effects: [persist(6), { do: "hang-up" }, state("connecting")],
  },
  {
    from: "up",
    event: interrupted(),
    to: "interrupted",
    effects: [persist(6), closed("silence", 7, 9), state("interrupted")],
  },
  {
    from: "up",
    event: heardFrom(9),
    to: "interrupted",
    effects: [persist(9), closed("one-way", 11), state("interrupted")],
  },
  {
    from: "up",
    event: { type: "unpaired" },
    to: "unpaired",
    effects: [closed("operator", 11), state("unpaired")],
  },
  {
    from: "interrupted",
    event: { type: "unpaired" },
    to: "unpaired",
    effects: [state("unpaired")],
  },
  {
    from: "probation",
    event: { type: "tick" },
    at: 10 + P,
    to: "connecting",
    effects: [state("connecting"), { do: "connect", epoch: 6 }],
  },
  {
    from: "probation",
    event: interrupted("one-way"),
    to: "interrupted",
    effects: [persist(7), state("interrupted")],
  },
  {
    from: "probation",
    event: { type: "unpaired" },
    to: "unpaired",
    effects: [state("unpaired")],
  },
];

describe("a link", () => {
  for (const { from, event, to, at, effects } of EDGES) {
    it(`[H3] [O5] goes from ${from} to ${to} by "${event.type}"`, () => {
      const machine = machineIn(from);
      expect(machine.step(event, at ?? 11, P)).toEqual(effects);
      expect(machine.state).toBe(to);
    });
  }

  it("[O5] goes from interrupted to probation once both hear each other under a number both have stable", () => {
    const machine = machineIn("interrupted");
    const stays: LinkEvent[] = [{ type: "heard" }, heardFrom(5), heardFrom(6), persisted(5)];
    for (const event of [...stays, heardFrom(6, "interrupted", false), persisted(6)]) {
      machine.step(event, 11, P);
      expect(machine.state).toBe("interrupted");
    }
    expect(machine.step(heardFrom(6), 12, P)).toEqual([state("probation")]);
    expect(machine.probationMs(20)).toBe(8);
    expect(machine.deadline(P)).toBe(12 + P);
  });

  it("[O5] stays interrupted while the peer has another number stable", () => {
    const machine = machineIn("interrupted");
    machine.step(persisted(6), 11, P);
    machine.step(heardFrom(5), 12, P);
    expect(machine.state).toBe("interrupted");
  });

  it("[O5] stays in probation until P is over", () => {
    const machine = machineIn("probation");
    expect(machine.step({ type: "tick" }, 9 + P, P)).toEqual([]);
    expect(machine.step(persisted(5), 9 + P, P)).toEqual([]);
    expect(machine.publishedNumber).toBe(6);
    machine.step(heardFrom(6, "probation"), 10 + P, P);
    expect(machine.state).toBe("connecting");
  });

  it("has been seen on all of its edges", () => {
    const seen = new Set([
      ...EDGES.map(({ from, to }) => `${from} ${to}`),
      "interrupted probation",
    ]);
    const all = Object.entries(LINK_EDGES).flatMap(([from, tos]) =>
      tos.map((to) => `${from} ${to}`),
    );
    expect([...seen].sort()).toEqual(all.sort());
  });

  it("takes no edge that there is not: that is a bug of ours", () => {
    for (const from of ["interrupted", "probation", "up"] as const) {
      const machine = machineIn(from);
      if (from === "interrupted")
        expect(() => machine.step(PAIRED, 11, P)).toThrow("can't go from interrupted");
      machine.step(CONNECTED, 11, P);
      machine.step({ type: "tick" }, 11, P);
      machine.step({ type: "reshape", outageNumber: machine.outageNumber }, 11, P);
      expect(machine.state).toBe(from);
    }
  });

  it("[O5] tells the peer, and connects under, only a number that is stable", () => {
    const machine = new LinkMachine(4);
    expect(machine.step(PAIRED, 1, P)).not.toContainEqual({ do: "connect", epoch: 5 });
    expect(machine.publishedNumber).toBe(4);
    expect(machine.step(persisted(4), 2, P)).toEqual([]);
    expect(machine.step(persisted(5), 3, P)).toEqual([{ do: "connect", epoch: 5 }]);
    expect(machine.publishedNumber).toBe(5);
    expect(machine.step(persisted(5), 4, P)).toEqual([]);
  });

  it("[O5] does not end a probation in which the peer stopped hearing it", () => {
    const machine = machineIn("probation");
    machine.step(heardFrom(6, "probation", false), 11, P);
    expect(machine.deadline(P)).toBeNull();
    expect(machine.step({ type: "tick" }, 10 + P, P)).toEqual([]);
    expect(machine.state).toBe("probation");
  });

  it("[H3] needs no new number for the other half of an interruption that it knows", () => {
    const machine = machineIn("interrupted");
    expect(machine.step(interrupted("one-way"), 11, P)).toEqual([]);
    expect(machine.outageNumber).toBe(6);
    machine.step(interrupted("silence"), 12, P);
    expect(machine.outageNumber).toBe(7);
  });

  it("[L5] takes a higher number of the peer that it asked for as a flap, any other as an outage", () => {
    const asking = machineIn("up");
    asking.step({ type: "reshape-asked", outageNumber: 6 }, 11, P);
    expect(asking.step(heardFrom(6, "connecting"), 12, P)).toEqual([
      persist(6),
      { do: "hang-up" },
      state("connecting"),
    ]);
    const other = machineIn("up");
    other.step({ type: "reshape-asked", outageNumber: 6 }, 11, P);
    expect(other.step(heardFrom(7), 12, P)).toContainEqual(closed("one-way", 12));
    const ended = machineIn("up");
    ended.step({ type: "reshape-asked", outageNumber: 6 }, 11, P);
    ended.step({ type: "reshape-asked", outageNumber: null }, 11, P);
    expect(ended.step(heardFrom(6), 12, P)).toContainEqual(closed("one-way", 12));
  });

  it("forgets a peer that is no more", () => {
    const machine = machineIn("probation");
    machine.step({ type: "unpaired" }, 11, P);
    expect(machine.step(interrupted(), 12, P)).toEqual([]);
    expect(machine.step(heardFrom(50), 12, P)).toEqual([]);
    expect(machine.outageNumber).toBe(6);
    machine.step({ type: "paired", outageNumber: 7 }, 13, P);
    expect(machine.state).toBe("connecting");
  });
});

/** Long enough for what is left of an outage, a probation, and connections. */
const HEAL_MS = 20 * TIMES.probation;

function healed(pair: LinkPair): void {
  pair.loss.there = 0;
  pair.loss.back = 0;
  // Until what was lost last has been missed by both.
  pair.run(3 * TIMES.t1);
  expect(
    pair.runUntil(() => pair.whole, HEAL_MS),
    pair.states(),
  ).toBe(true);
  expect(pair.broken).toEqual([]);
}

function upPair(seed = 1): LinkPair {
  const pair = new LinkPair(seed, { alpha: 4, beta: 2 });
  pair.pair();
  healed(pair);
  return pair;
}

describe("two links", () => {
  it("are up after the first pairing, without a probation", () => {
    const pair = upPair();
    expect(pair.states()).toBe("alpha up 5, beta up 5");
    expect(pair.effects.map(({ effect }) => effect)).not.toContainEqual(state("probation"));
  });

  it("[O5] agree on the higher number after both were started", () => {
    const pair = new LinkPair(3, { alpha: 4, beta: 9 });
    pair.start();
    healed(pair);
    expect(pair.states()).toBe("alpha up 10, beta up 10");
  });

  for (const way of ["there", "back"] as const) {
    it(`[H3] [O1] are both interrupted where only the way ${way} is cut`, () => {
      const pair = upPair();
      const before = pair.alpha.machine.outageNumber;
      pair.loss[way] = 1;
      const both = () =>
        pair.alpha.machine.state === "interrupted" && pair.beta.machine.state === "interrupted";
      expect(pair.runUntil(both, TIMES.t1 + 4 * TIMES.t2)).toBe(true);
      pair.run(10 * TIMES.probation);
      expect(both()).toBe(true);
      const closes = pair.effects.filter(({ effect }) => effect.do === "close");
      expect(closes.map(({ side }) => side.name).sort()).toEqual(["alpha", "beta"]);
      healed(pair);
      expect(pair.alpha.machine.outageNumber).toBeGreaterThan(before);
    });
  }

  it("[O5] begin probation anew at each interruption, and connect only after a whole one", () => {
    const pair = upPair();
    pair.loss.there = 1;
    pair.run(3 * TIMES.t1);
    for (let i = 0; i < 5; i++) {
      const before = pair.alpha.machine.outageNumber;
      pair.loss.there = 0;
      pair.loss.back = 0;
      const both = () =>
        pair.alpha.machine.state === "probation" && pair.beta.machine.state === "probation";
      expect(pair.runUntil(both, 10 * TIMES.t1)).toBe(true);
      pair.run(TIMES.probation / 2);
      expect(both()).toBe(true);
      pair.loss[i % 2 === 0 ? "there" : "back"] = 1;
      pair.run(3 * TIMES.t1);
      expect(pair.alpha.machine.outageNumber).toBeGreaterThan(before);
      expect(pair.states()).toMatch(/alpha interrupted \d+, beta interrupted \d+/);
    }
    healed(pair);
  });

  it("[L1] are under the next number, without an outage, after n was changed", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const pair = upPair(seed);
      pair.effects.length = 0;
      pair.reshape(seed % 2 === 0 ? pair.alpha : pair.beta);
      const next = () => pair.whole && pair.alpha.machine.outageNumber === 6;
      expect(pair.runUntil(next, HEAL_MS), `seed ${seed}: ${pair.states()}`).toBe(true);
      const done = pair.effects.map(({ effect }) => effect.do);
      expect(done, `seed ${seed}`).not.toContain("close");
      expect(done.filter((effect) => effect === "hang-up")).toHaveLength(2);
    }
  });

  it("[L5] take a restart of the peer for an outage, however short", () => {
    const pair = upPair();
    pair.effects.length = 0;
    pair.restart(pair.beta);
    healed(pair);
    const closes = pair.effects.filter(({ effect }) => effect.do === "close");
    expect(closes.map(({ side }) => side.name)).toEqual(["alpha"]);
    expect(pair.alpha.machine.outageNumber).toBeGreaterThan(5);
  });

  it("[O5] [H3] come up again whatever happened, numbers never falling and nothing connected too early", () => {
    const fault = fc.record({
      ms: fc.oneof(fc.nat(TIMES.t1), fc.nat(4 * TIMES.probation)),
      act: fc.oneof(
        fc.constantFrom("restart alpha", "restart beta", "reshape alpha", "reshape beta"),
        fc.constantFrom("whole", "cut there", "cut back", "cut both", "lossy"),
      ),
    });
    fc.assert(
      fc.property(fc.nat(), fc.array(fault, { maxLength: 25 }), (seed, faults) => {
        const pair = upPair(seed);
        for (const { ms, act } of faults) {
          const side = act.endsWith("alpha") ? pair.alpha : pair.beta;
          if (act.startsWith("restart")) pair.restart(side);
          else if (act.startsWith("reshape")) pair.reshape(side);
          else {
            const share = act === "lossy" ? 0.5 : 1;
            const both = act === "cut both" || act === "lossy";
            pair.loss.there = both || act === "cut there" ? share : 0;
            pair.loss.back = both || act === "cut back" ? share : 0;
          }
          pair.run(ms);
          expect(pair.broken).toEqual([]);
        }
        healed(pair);
        const number = pair.alpha.machine.outageNumber;
        pair.run(3 * TIMES.probation);
        expect(pair.whole, pair.states()).toBe(true);
        expect(pair.alpha.machine.outageNumber).toBe(number);
      }),
      { numRuns: 300 },
    );
  });
});
