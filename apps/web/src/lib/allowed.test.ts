import { DEFAULT_LINK_SETTINGS, LinkState, type Lun, LunId, LunState } from "@lockstep/model";
import { describe, expect, it } from "vitest";
import {
  LINK_ACTIONS,
  LUN_ACTIONS,
  mayAnything,
  mayLink,
  mayLun,
  type Permission,
  type Situation,
} from "./allowed.ts";

const link: Situation["link"] = {
  state: "up",
  peer: { name: "beta", uuid: "u", address: "10.0.0.2:7410", version: "0.1.0" },
  settings: DEFAULT_LINK_SETTINGS,
  settingsVersion: 1,
  outageNumber: 0,
  strangers: 0,
  probationMs: null,
  drillMs: null,
  connections: [],
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
const situation: Situation = { role: "admin", staleBecause: null, link, mirroredFromHere: 0 };
const lun: Lun = {
  name: "db",
  uuid: LunId.parse("00000000-0000-4000-8000-000000000001"),
  number: 0,
  sizeBytes: 2 ** 30,
  role: "primary",
  mode: "sync",
  designated: true,
  policy: "continue",
  state: "mirrored",
  reason: null,
  writeCache: true,
  backing: { kind: "file", path: "/data/db.img" },
  target: { iqn: "iqn.2026-11.dev.lockstep:alpha.db", portals: ["10.0.0.1:3260"] },
  sessions: [],
  lag: { bytes: 0, ms: 0 },
  journal: { bytes: 0, requests: 0, limitBytes: 2 ** 30 },
  dirty: { regions: 0, bytes: 0 },
  progress: null,
  thread: 0,
  counters: { reads: 0, readBytes: 0, writes: 0, writeBytes: 0 },
};
const because = (permission: Permission) => (permission.allowed ? null : permission.because);
const warning = (permission: Permission) => (permission.allowed ? permission.warning : null);

describe("what may be done", () => {
  it("gives an answer with a reason for every LUN state and action", () => {
    for (const state of LunState.options) {
      for (const action of LUN_ACTIONS) {
        const answer = mayLun(action, { ...lun, state }, situation);
        if (!answer.allowed) expect(answer.because, `${state} ${action}`).toMatch(/\.$/);
      }
    }
  });

  it("gives an answer with a reason for every link state and action", () => {
    for (const state of LinkState.options) {
      for (const action of LINK_ACTIONS) {
        const answer = mayLink(action, { ...situation, link: { ...link, state } });
        if (!answer.allowed) expect(answer.because, `${state} ${action}`).toMatch(/\.$/);
      }
    }
  });

  it("changes nothing on figures that are not live, nor for a viewer", () => {
    for (const hindered of [
      { ...situation, staleBecause: "The connection to the server is lost." },
      { ...situation, role: "viewer" as const },
    ]) {
      expect(mayAnything(hindered).allowed).toBe(false);
      expect(LUN_ACTIONS.some((action) => mayLun(action, lun, hindered).allowed)).toBe(false);
      expect(LINK_ACTIONS.some((action) => mayLink(action, hindered).allowed)).toBe(false);
    }
  });

  it("[S1] leaves the mirror copy to the primary's server", () => {
    for (const action of LUN_ACTIONS) {
      expect(because(mayLun(action, { ...lun, role: "mirror" }, situation))).toContain("beta");
    }
  });

  it("[C1] switches mode and designation off in every state but split brain and strict stop", () => {
    for (const state of LunState.options) {
      const here = { ...lun, state };
      const frozen = state === "split-brain";
      expect(mayLun("mode", here, situation).allowed).toBe(!frozen && state !== "stopped");
      expect(mayLun("mirror-off", here, situation).allowed).toBe(!frozen && state !== "unmirrored");
    }
  });

  it("[R5] designates with a peer only, and says where the copy has to wait for it", () => {
    const unmirrored: Lun = { ...lun, state: "unmirrored", designated: false };
    for (const state of LinkState.options) {
      const answer = mayLun("mirror-on", unmirrored, { ...situation, link: { ...link, state } });
      expect(answer.allowed).toBe(state !== "unpaired");
      const waits = warning(answer)?.includes("once the link is up") ?? false;
      expect(waits).toBe(state !== "unpaired" && state !== "up");
    }
  });

  it("[G8] [C5] resizes and deletes only what is not mirrored", () => {
    for (const action of ["resize", "delete"] as const) {
      const may = LunState.options.filter(
        (state) => mayLun(action, { ...lun, state }, situation).allowed,
      );
      expect(may).toEqual(["unmirrored"]);
    }
    expect(because(mayLun("delete", lun, situation))).toContain("mirroring off first");
  });

  it("[C5] throws away a former mirror copy, and does nothing else with it", () => {
    const former: Lun = { ...lun, role: "mirror", designated: false, state: "unmirrored" };
    expect(LUN_ACTIONS.filter((action) => mayLun(action, former, situation).allowed)).toEqual([
      "delete",
    ]);
  });

  it("[O8] pauses once and resumes only what is paused", () => {
    expect(because(mayLun("pause", { ...lun, state: "paused" }, situation))).toContain("already");
    const resumable = LunState.options.filter(
      (state) => mayLun("resume", { ...lun, state }, situation).allowed,
    );
    expect(resumable).toEqual(["paused"]);
  });

  it("warns before a delete that hosts will feel", () => {
    const unmirrored: Lun = { ...lun, state: "unmirrored", designated: false };
    const inUse = { ...unmirrored, sessions: [{ initiator: "iqn.x", address: "10.0.0.9" }] };
    expect(warning(mayLun("delete", unmirrored, situation))).not.toContain("session");
    expect(warning(mayLun("delete", inUse, situation))).toContain(
      "1 host session will lose this disk at once.",
    );
  });

  it("[O8] drills only on a link that is up, one at a time", () => {
    for (const state of LinkState.options) {
      const answer = mayLink("drill-start", { ...situation, link: { ...link, state } });
      expect(answer.allowed).toBe(state === "up");
    }
    const drilling = {
      ...situation,
      link: { ...link, state: "interrupted" as const, drillMs: 900 },
    };
    expect(because(mayLink("drill-start", drilling))).toContain("already");
    expect(mayLink("drill-stop", drilling).allowed).toBe(true);
    expect(mayLink("drill-stop", situation).allowed).toBe(false);
  });

  it("[L3] pairs two servers only", () => {
    expect(mayLink("invite", situation).allowed).toBe(false);
    const alone = { ...situation, link: { ...link, state: "unpaired" as const, peer: null } };
    expect(mayLink("invite", alone).allowed && mayLink("join", alone).allowed).toBe(true);
    expect(mayLink("remove", alone).allowed).toBe(false);
    expect(mayLink("remove", situation).allowed).toBe(true);
    expect(because(mayLink("remove", { ...situation, mirroredFromHere: 2 }))).toContain("2 LUNs");
  });
});
