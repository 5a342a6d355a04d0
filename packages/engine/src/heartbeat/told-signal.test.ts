import { describe, expect, it } from "vitest";
import type { Heartbeat } from "./message.ts";
import { ToldSignal } from "./told-signal.ts";

const OWN = 5n;

function message(hears: boolean, bootId = OWN): Heartbeat {
  return {
    versionMin: 1,
    versionMax: 1,
    bootId: 2n,
    counter: 1,
    sentAtUs: 0,
    echo: { bootId, counter: 1, sentAtUs: 0, heldUs: 0 },
    intervalMs: 500,
    challenge: null,
    answers: [],
    state: "up",
    hears,
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

describe("told signal", () => {
  it("[H3] the peer's \"I don't hear you\" begins an interruption, once", () => {
    const told = new ToldSignal();
    expect(told.receive(message(true), OWN, false)).toEqual({ began: false, heard: true });
    expect(told.receive(message(false), OWN, true)).toEqual({ began: true, heard: false });
    expect(told.receive(message(false), OWN, true)).toEqual({ began: false, heard: false });
    expect(told.receive(message(true), OWN, false)).toEqual({ began: false, heard: true });
  });

  it("[H3] marks alone tell of an interruption whose message was lost", () => {
    const told = new ToldSignal();
    told.receive(message(true), OWN, false);
    expect(told.receive(message(true), OWN, true)).toEqual({ began: true, heard: true });
    expect(told.state).toBe("heard");
  });

  it("a peer that has not heard this start of ours yet is no interruption", () => {
    const told = new ToldSignal();
    expect(told.receive(message(false), OWN, false)).toEqual({ began: false, heard: false });
    expect(told.receive(message(true, 4n), OWN, false)).toEqual({ began: false, heard: false });
    expect(told.state).toBe("unknown");
  });
});
