import { DEFAULT_LINK_SETTINGS, type Link } from "@lockstep/model";
import { describe, expect, it } from "vitest";
import { linkSentence } from "./link-sentence.ts";

function link(state: Link["state"], ageMs: number | null, drillMs: number | null = null): Link {
  const element = { socket: null, closed: true, connected: false, bytes: 0, inFlight: 0 };
  return {
    state,
    peer: { name: "beta", uuid: "u", address: "10.0.0.2:7410", version: null },
    settings: DEFAULT_LINK_SETTINGS,
    settingsVersion: 1,
    outageNumber: 1,
    strangers: 0,
    probationMs: null,
    drillMs,
    connections: [{ ...element, index: 0, timestampAgeMs: ageMs }],
    incoming: [],
    heartbeat: {
      sent: 0,
      received: 0,
      missed: 0,
      rejected: 0,
      rttMs: null,
      jitterMs: null,
      lossOut: null,
      lossIn: null,
    },
  };
}

describe("the link in words", () => {
  it("[O1] tells how soon an interruption would be found", () => {
    expect(linkSentence(link("up", 100))).toContain("within 3.0 s");
  });

  it("[H3] never claims silence while the peer is heard", () => {
    expect(linkSentence(link("interrupted", 4200))).toContain("Nothing heard for 4.2 s.");
    expect(linkSentence(link("interrupted", null))).toContain("Nothing was ever heard.");
    expect(linkSentence(link("interrupted", 90))).toContain("does not hear this server");
    expect(linkSentence(link("interrupted", 90, 5000))).toContain("A drill keeps beta");
  });
});
