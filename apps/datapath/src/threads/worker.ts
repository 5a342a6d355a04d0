/**
 * A worker thread (SPEC S1, L1): the LUNs it owns with their sessions, and one connection to its connection thread at the
 * peer. What the main thread sends is carried out between two commands.
 */
import { parentPort, workerData } from "node:worker_threads";
import { ConnectionArray, keyedHash, MirrorConnection, monotonicMs } from "@lockstep/engine/io";
import { type DrainedTarget, TargetServer } from "@lockstep/iscsi";
import { Failure } from "@lockstep/model";
import { answerCall, type Callee } from "./calls.ts";
import type { DialOrder, WorkerCalls, WorkerData, WorkerNote, WorkerReport } from "./messages.ts";
import { WorkerLun } from "./worker-lun.ts";

/** Facts that change all the time (lag, counters) are told no more often than this. */
const FACTS_INTERVAL_MS = 200;
/** How long an ending LUN waits for its mirror's last answers. */
const DRAIN_GRACE_MS = 2000;

const data = workerData as WorkerData;
const port = parentPort;
if (port === null) throw new Error("a worker needs a main thread");
const array = ConnectionArray.attach(data.array);
const targets = new TargetServer({
  portals: () => data.portals,
  onMovedAway: (handoff) => report({ report: "session", handoff }),
});
const luns = new Map<string, WorkerLun>();
let connection: MirrorConnection | null = null;
let factsAt = 0;

const report = (message: WorkerReport): void => port.postMessage(message);

function lunOf(uuid: string): WorkerLun {
  const lun = luns.get(uuid);
  if (lun === undefined) throw new Failure("internal", `worker ${data.index} has no LUN ${uuid}`);
  return lun;
}

function tell(lun: WorkerLun, force: boolean): void {
  const facts = lun.news(targets, force);
  if (facts !== null) report({ report: "lun", facts });
}

const heardAgoMs = (): number => monotonicMs() - array.lastHeardMs;

const changed = new Set<string>();

/** Tells a change after the turn in which it happened: many are one. */
function changedSoon(uuid: string): void {
  if (changed.size === 0) {
    setImmediate(() => {
      for (const each of changed) {
        const lun = luns.get(each);
        if (lun !== undefined) tell(lun, false);
      }
      changed.clear();
    });
  }
  changed.add(uuid);
}

const handlers: Callee<WorkerCalls> = {
  "lun-open": async ({ spec, moved }) => {
    const { lun, restoration } = await WorkerLun.open(spec, moved, data.kernelBootId, heardAgoMs, {
      changed: () => changedSoon(spec.uuid),
      event: (kind, severity, message) =>
        report({ report: "event", kind, severity, lun: spec.name, message }),
    });
    luns.set(spec.uuid, lun);
    lun.lun.setTimes(array.settings().settings);
    targets.addTarget(spec.iqn, [lun.unit]);
    if (spec.designated) attach(lun);
    tell(lun, true);
    return { restoration };
  },
  "lun-close": async ({ uuid }) => {
    const lun = lunOf(uuid);
    await new Promise<void>((resolve) => targets.closeTarget(lun.spec.iqn, resolve));
    targets.removeTarget(lun.spec.iqn);
    await retire(lun);
    return null;
  },
  "lun-designate": async ({ uuid, on }) => {
    const lun = lunOf(uuid);
    lun.spec.designated = on;
    if (!on) {
      connection?.detach(uuid);
      lun.lun.undesignate();
      tell(lun, true);
      return null;
    }
    // Before the mirror is asked: its answer must find the LUN.
    attach(lun);
    await new Promise<void>((resolve, reject) => {
      lun.lun.designate((error) => {
        if (error === null) resolve();
        else reject(new Failure("unavailable", `the mark could not be written: ${error}`));
      });
    });
    tell(lun, true);
    return null;
  },
  "lun-resize": ({ uuid, sizeBytes }) =>
    new Promise((resolve, reject) => {
      const lun = lunOf(uuid);
      lun.lun.resize(sizeBytes, (error) => {
        if (error !== null) {
          reject(new Failure("refused", `the LUN could not be resized: ${error.detail}`));
          return;
        }
        targets.unitChanged(lun.spec.iqn, lun.spec.number, "capacity");
        tell(lun, true);
        resolve(null);
      });
    }),
  "lun-yield": async ({ uuid }) => {
    const lun = lunOf(uuid);
    const drained = await new Promise<DrainedTarget>((resolve) =>
      targets.drain(lun.spec.iqn, resolve),
    );
    await retire(lun);
    return { drained };
  },
  stop: async () => {
    for (const lun of luns.values()) {
      await new Promise<void>((resolve) => targets.closeTarget(lun.spec.iqn, resolve));
    }
    await Promise.all([...luns.values()].map((lun) => lun.close(DRAIN_GRACE_MS)));
    connection?.close("the data path stops");
    return null;
  },
};

async function retire(lun: WorkerLun): Promise<void> {
  await lun.close(DRAIN_GRACE_MS);
  connection?.detach(lun.spec.uuid);
  luns.delete(lun.spec.uuid);
}

function attach(lun: WorkerLun): void {
  if (connection?.isOpen) connection.attach(lun.spec.uuid, lun.lun);
}

function dial(order: DialOrder): void {
  hangUp("dialled anew");
  const { epoch, self, peer } = order;
  const socket = array.out.socket(data.index);
  if (socket === null) throw new Error(`element ${data.index} has no socket to dial`);
  const made: MirrorConnection = new MirrorConnection({
    ...socket,
    identity: { purpose: "stream", from: self, epoch, index: data.index },
    listener: peer,
    hash: keyedHash(order.secret, "stream"),
    opened: () => {
      array.out.setConnected(data.index, true);
      report({ report: "connection", epoch, open: true, reason: "" });
      for (const lun of luns.values()) if (lun.spec.designated) attach(lun);
    },
    lost: (reason) => {
      if (connection !== made) return;
      forget();
      for (const lun of luns.values()) lun.lun.connectionLost();
      report({ report: "connection", epoch, open: false, reason });
    },
    sent: (bytes) => array.out.addBytes(data.index, bytes),
  });
  connection = made;
}

function forget(): void {
  connection = null;
  array.out.setConnected(data.index, false);
  array.out.setInFlight(data.index, 0);
}

/** Closes the connection, if there is one, without telling the LUNs. */
function hangUp(reason: string): void {
  const { connection: old } = { connection };
  if (old === null) return;
  forget();
  old.close(reason);
}

function obey(note: WorkerNote): void {
  switch (note.note) {
    case "lun-set": {
      const lun = lunOf(note.uuid);
      if (lun.lun.mode !== note.mode) lun.lun.setMode(note.mode);
      if (lun.unit.writeCache !== note.writeCache) {
        lun.unit.writeCache = note.writeCache;
        targets.unitChanged(lun.spec.iqn, lun.spec.number, "mode");
      }
      lun.setJournalLimit(note.journalLimitBytes);
      return;
    }
    case "lun-pause":
      if (note.paused) lunOf(note.uuid).lun.pause();
      else lunOf(note.uuid).lun.resume();
      return;
    case "session":
      targets.adopt(note.handoff);
      return;
    case "sessions":
      targets.resume(note.drained);
      return;
    case "dial":
      dial(note.order);
      return;
    case "interrupted":
      hangUp(note.cause);
      for (const lun of luns.values()) {
        lun.lun.interrupted(note.cause, note.begunAt, note.detectedAt);
      }
      return;
    case "hang-up":
      if (connection === null) return;
      hangUp(note.reason);
      for (const lun of luns.values()) lun.lun.connectionLost();
      return;
    case "probation":
      for (const lun of luns.values()) lun.lun.linkProbation(note.on);
      return;
    case "settings":
      for (const lun of luns.values()) lun.lun.setTimes(array.settings().settings);
      return;
  }
}

function tick(): void {
  const now = monotonicMs();
  let inFlight = 0;
  for (const lun of luns.values()) {
    lun.lun.tick();
    inFlight += lun.lun.inFlight;
  }
  if (connection !== null) array.out.setInFlight(data.index, inFlight);
  if (now - factsAt < FACTS_INTERVAL_MS) return;
  factsAt = now;
  for (const lun of luns.values()) tell(lun, false);
}

/** A tick behind the poll phase: what the connection brought meanwhile was taken first (SPEC L7). */
function schedule(): void {
  const { t1, t4 } = array.settings().settings;
  setTimeout(
    () => {
      setImmediate(() => {
        tick();
        schedule();
      });
    },
    Math.max(10, Math.min(100, Math.min(t1, t4) / 4)),
  );
}

port.on("message", (message: unknown) => {
  if (!answerCall(port, handlers, message)) obey(message as WorkerNote);
});
schedule();
