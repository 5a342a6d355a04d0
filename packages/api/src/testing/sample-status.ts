/** A status as a data path tells it, for tests. */
import {
  DEFAULT_LINK_SETTINGS,
  type Lun,
  LunId,
  ServerId,
  type Status,
  targetIqn,
} from "@lockstep/model";

export function sampleStatus(name = "alpha"): Status {
  return {
    server: {
      name,
      uuid: ServerId.parse("0f8e3c52-7a3b-4c8f-9d1e-5b6a7c8d9e0f"),
      version: "0.1.0",
      startedAt: "2026-11-22T10:00:00.000Z",
      restartNeeded: false,
    },
    link: {
      state: "unpaired",
      peer: null,
      settings: DEFAULT_LINK_SETTINGS,
      settingsVersion: 1,
      outageNumber: 0,
      probationMs: null,
      drillMs: null,
      strangers: 0,
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
    },
    luns: [],
    processes: { supervisor: null, datapath: process.pid, backend: null, database: null },
    database: null,
  };
}

export function sampleLun(name: string, server = "alpha"): Lun {
  return {
    name,
    uuid: LunId.parse("6c1b2f7e-0d4a-4b7a-8f43-1a2b3c4d5e6f"),
    number: 0,
    sizeBytes: 2 ** 20,
    role: "primary",
    mode: "sync",
    designated: false,
    policy: "continue",
    state: "unmirrored",
    reason: null,
    writeCache: true,
    backing: { kind: "file", path: `/var/lib/lockstep/luns/${name}.img` },
    target: { iqn: targetIqn(server, name), portals: ["127.0.0.1:3260"] },
    sessions: [],
    lag: { bytes: null, ms: null },
    journal: { bytes: 0, requests: 0, limitBytes: 2 ** 30 },
    dirty: { regions: null, bytes: null },
    progress: null,
    thread: 1,
    counters: { reads: 0, readBytes: 0, writes: 0, writeBytes: 0 },
  };
}
