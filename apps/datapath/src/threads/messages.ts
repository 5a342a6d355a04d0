/**
 * All that passes between the main thread and the threads that carry data. Calls are answered by id; everything else
 * needs no answer. Nothing of this is on a write's way.
 */
import type { OutageFacts, Restoration } from "@lockstep/engine";
import type { DrainedTarget, LoginHandoff } from "@lockstep/iscsi";
import type {
  EventKind,
  LunMode,
  LunState,
  OutageCause,
  Progress,
  Severity,
} from "@lockstep/model";

/** What a thread needs to open one LUN's copy. */
export interface LunSpec {
  uuid: string;
  name: string;
  number: number;
  iqn: string;
  mode: LunMode;
  designated: boolean;
  writeCache: boolean;
  journalLimitBytes: number;
  backingPath: string;
  /** Folder of marks, note and journal. */
  folder: string;
}

/** Facts that a worker tells of a LUN whenever they change. Times are monotonic ms. */
export interface LunFacts {
  uuid: string;
  sizeBytes: number;
  state: LunState;
  reason: string | null;
  lagBytes: number | null;
  lagMs: number | null;
  journalBytes: number;
  journalRequests: number;
  progress: Progress | null;
  outage: OutageFacts | null;
  /** An outage that has just ended; told once. */
  healed: OutageFacts | null;
  sessions: { initiator: string; address: string }[];
  counters: { reads: number; readBytes: number; writes: number; writeBytes: number };
  oldestCommandMs: number;
}

export interface WorkerData {
  index: number;
  array: SharedArrayBuffer;
  kernelBootId: string;
  /** Where hosts reach this server, as SendTargets tells it: HOST:PORT,TAG. */
  portals: readonly string[];
}

/** Where to dial stands in the worker's element of the local array (SPEC L2). */
export interface DialOrder {
  epoch: number;
  self: string;
  peer: string;
  secret: Uint8Array;
}

/** Calls of the main thread to a worker, with what they answer. */
export interface WorkerCalls {
  /** `moved`: another worker owned it a moment ago. */
  "lun-open": {
    params: { spec: LunSpec; moved: boolean };
    result: { restoration: Restoration | null };
  };
  "lun-close": { params: { uuid: string }; result: null };
  "lun-designate": { params: { uuid: string; on: boolean }; result: null };
  "lun-resize": { params: { uuid: string; sizeBytes: number }; result: null };
  /** Ends the LUN here and hands its sessions over (SPEC S1). */
  "lun-yield": { params: { uuid: string }; result: { drained: DrainedTarget } };
  stop: { params: Record<string, never>; result: null };
}

export type WorkerNote =
  | { note: "lun-set"; uuid: string; mode: LunMode; writeCache: boolean; journalLimitBytes: number }
  | { note: "lun-pause"; uuid: string; paused: boolean }
  | { note: "session"; handoff: LoginHandoff }
  | { note: "sessions"; drained: DrainedTarget }
  | { note: "dial"; order: DialOrder }
  | { note: "interrupted"; cause: OutageCause; begunAt: number; detectedAt: number }
  | { note: "hang-up"; reason: string }
  | { note: "probation"; on: boolean }
  | { note: "settings" };

export type WorkerReport =
  /** A login for a target that has moved to another worker. */
  | { report: "session"; handoff: LoginHandoff }
  | { report: "lun"; facts: LunFacts }
  | { report: "event"; kind: EventKind; severity: Severity; lun: string; message: string }
  | { report: "connection"; epoch: number; open: boolean; reason: string };

export interface ConnectionThreadData {
  index: number;
  epoch: number;
  host: string;
  self: string;
  peer: string;
  secret: Uint8Array;
  array: SharedArrayBuffer;
  kernelBootId: string;
}

export interface CopySpec {
  uuid: string;
  name: string;
  backingPath: string;
  folder: string;
}

export type ConnectionThreadNote =
  /** Answer to `need`: the copy's whereabouts, or why there is none. */
  | { note: "copy"; uuid: string; spec: CopySpec | string }
  /** Close a LUN's copy; answered by `forgotten`. */
  | { note: "forget"; uuid: string }
  | { note: "close"; reason: string };

export type ConnectionThreadReport =
  | { report: "listening"; port: number }
  | { report: "connected" }
  | { report: "need"; uuid: string }
  | { report: "forgotten"; uuid: string }
  | { report: "stranger"; from: string; reason: string }
  | { report: "copy"; uuid: string; condition: "none" | "sound" | "copying" | "unclean" }
  | { report: "event"; kind: EventKind; severity: Severity; lun: string; message: string };
