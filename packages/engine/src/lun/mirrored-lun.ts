/**
 * The primary copy of a LUN: a block device to those who serve hosts, a numbered stream of mirror requests to the peer.
 * One thread owns it; every method returns at once. `WritePath` carries the writes, `Healing` stands between this copy
 * and its mirror; here is what outsiders see of both, and how a LUN begins and ends.
 */
import type { BlockDevice, BlockError, BlockRequest, Extent } from "@lockstep/block";
import type { LunMode, LunState, OutageCause, Progress } from "@lockstep/model";
import { type FrameHeader, lunBytes } from "../wire/frame.ts";
import { Healing } from "./healing.ts";
import { Lineage } from "./lineage.ts";
import type { LunMark, MarkState, Restoration } from "./mark.ts";
import { MarkKeeper } from "./mark-keeper.ts";
import { OutageTracker } from "./outage-tracker.ts";
import type { LunTimes } from "./patience.ts";
import type {
  LunJournal,
  LunReporter,
  LunWorld,
  MarkStore,
  MirrorPort,
  OutageFacts,
} from "./ports.ts";
import { SuspectRanges } from "./suspect-ranges.ts";
import { WritePath, type WritePathOwner } from "./write-path.ts";

export interface MirroredLunOptions {
  uuid: string;
  local: BlockDevice;
  journal: LunJournal;
  marks: MarkStore;
  mode: LunMode;
  world: LunWorld;
  reporter: LunReporter;
}

/** What recovery found in the journal, after it was redone on the local copy. */
export interface RecoveredNumbers {
  /** Last usable number of the newest stream. */
  last: number;
  /** Numbers whose local write had failed. */
  voids: readonly { stream: string; number: number }[];
}

/** What a start of the data path found of a mirrored LUN. */
export interface MirroredStart {
  mark: LunMark | null;
  /** What the mark allows. */
  restoration: Restoration;
  recovered: RecoveredNumbers | null;
  /** Another worker had it a moment ago (SPEC S1): a flap, and no outage. */
  moved: boolean;
}

const FLUSH_FAILED_BEFORE: BlockError = {
  code: "medium-error",
  detail: "a flush failed before the data path was started",
};

export class MirroredLun implements BlockDevice {
  readonly blockSize: number;
  private readonly local: BlockDevice;
  private readonly journal: LunJournal;
  private readonly world: LunWorld;
  private readonly reporter: LunReporter;
  private readonly outage = new OutageTracker();
  private readonly mark: MarkKeeper;
  private readonly path: WritePath;
  private readonly healing: Healing;
  private onDrained: (() => void) | null = null;

  constructor(options: MirroredLunOptions) {
    const { local, journal, world, reporter, mode, marks, uuid } = options;
    const { outage } = this;
    const lun = lunBytes(uuid);
    this.local = local;
    this.blockSize = local.blockSize;
    this.journal = journal;
    this.world = world;
    this.reporter = reporter;
    this.mark = new MarkKeeper(marks, world.kernelBootId);
    const { mark } = this;
    const owner: WritePathOwner = {
      windowFull: () => this.healing.windowFull(),
      journalLost: (error) => this.healing.journalLost(error),
      journaled: () => this.healing.catchUp.appended(),
      suspectsChanged: () => this.healing.suspectsChanged(),
      flushFailedChanged: () => this.mark.renew(this.path),
      progressed: () => this.onDrained?.(),
      copyArrived: () => this.healing.fullCopy.arrived(),
    };
    this.path = new WritePath({ lun, local, journal, mode, world, reporter, outage }, owner);
    const { path } = this;
    this.healing = new Healing({ lun, local, journal, path, mark, outage, world, reporter });
  }

  // --- what outsiders see -------------------------------------------------------------------------------------------

  get sizeBytes(): number {
    return this.local.sizeBytes;
  }

  get mode(): LunMode {
    return this.path.mode;
  }

  get counters(): Readonly<WritePath["counters"]> {
    return this.path.counters;
  }

  /** SPEC R7: "mirrored" only in step, with nothing queued. */
  get state(): LunState {
    const { standing, needsCopy, paused, inProbation, catchUp } = this.healing;
    if (standing === "unmirrored") return "unmirrored";
    if (paused) return "paused";
    if (needsCopy || this.path.copier !== null) return "initializing";
    if (standing === "live" && catchUp.hasTail) return "replaying";
    if (standing === "live" && !this.path.suspects.any) return "mirrored";
    if (standing === "replaying") return "replaying";
    return inProbation ? "probation" : "queueing";
  }

  get reason(): string | null {
    const { suspects } = this.path;
    if (!suspects.any) return this.healing.reason;
    const suspect = `${suspects.bytes} bytes could not be written here, and the mirror holds them as they were`;
    return `${suspect}: let the host write them anew, or turn mirroring off and on to copy what lies here`;
  }

  get outageFacts(): Readonly<OutageFacts> | null {
    return this.outage.present;
  }

  /** Bytes acknowledged to hosts or sent that the mirror has not answered; null where that is not known. */
  get lagBytes(): number | null {
    if (this.isBeyondCount) return null;
    const queued = this.path.route === "journal" || this.healing.catchUp.hasTail;
    return this.path.window.bytes + (queued ? this.journal.bytes : 0);
  }

  /** Age of the oldest request the mirror has not answered, ms; null where that is not known. */
  get lagMs(): number | null {
    if (this.isBeyondCount) return null;
    const present = this.outage.present;
    if (present !== null) return this.world.now() - present.begunAt;
    const { oldest } = this.path.window;
    return oldest === undefined ? 0 : this.world.now() - oldest.startedAt;
  }

  private get isBeyondCount(): boolean {
    return this.healing.standing === "unmirrored" || this.healing.needsCopy;
  }

  /** Age of the oldest command that hosts wait for, ms (SPEC H3, G3). */
  get oldestCommandMs(): number {
    const { gate, window } = this.path;
    const since = Math.min(gate.oldestSince ?? Infinity, window.oldest?.startedAt ?? Infinity);
    return since === Infinity ? 0 : this.world.now() - since;
  }

  get progress(): Progress | null {
    if (this.path.copier !== null) return this.path.copier.progress;
    return this.healing.catchUp.progress;
  }

  get inFlight(): number {
    return this.path.window.size;
  }

  /** The last healed outage, once. */
  takeHealed(): OutageFacts | null {
    return this.outage.takeHealed();
  }

  // --- beginning and end --------------------------------------------------------------------------------------------

  /** Begins without a mirror, as the LUN is when it was made. */
  startUnmirrored(): void {
    this.path.take("local");
  }

  /** Begins as the primary of a mirrored LUN after a start of the data path; `done` when hosts may be served. */
  startMirrored(start: MirroredStart, done: (error: string | null) => void): void {
    const { mark, restoration, recovered, moved } = start;
    const { path, healing } = this;
    healing.begin(moved);
    path.suspects = new SuspectRanges(mark?.suspect);
    path.doubtful = mark?.doubtful === true && mark.kernelBootId === this.world.kernelBootId;
    if (mark?.flushFailed) path.oweFlushError(FLUSH_FAILED_BEFORE);
    if (mark !== null && restoration !== "full-copy") {
      path.lineage = new Lineage(mark.lineage, recovered?.last ?? mark.last);
      for (const { stream, number } of recovered?.voids ?? [])
        path.voids.add(`${stream}:${number}`);
      path.lineage.beginChild(this.world.newStream());
      if (healing.catchUp.open(this.sizeBytes) === null) {
        path.take("journal");
        this.mark.write("queueing", path, done);
        return;
      }
    }
    healing.giveUpTracking("the data path did not end in order while mirrored");
    this.mark.write("open", path, (error) => {
      if (error === null) healing.catchUp.forget();
      done(error);
    });
  }

  /** Designates the LUN: from now on it wants a mirror, and a first full copy (SPEC R5). */
  designate(done: (error: string | null) => void): void {
    this.healing.designate(done);
  }

  /** Takes the designation back: hosts are answered, what is queued is forgotten. */
  undesignate(): void {
    this.healing.undesignate();
  }

  setMode(mode: LunMode): void {
    this.path.mode = mode;
    if (mode === "async") this.path.answerSettled();
    this.reporter.changed();
  }

  setTimes(times: LunTimes): void {
    this.healing.patience.times = times;
  }

  /**
   * Ends in order: lets the window empty for at most `graceMs` (the caller calls `tick`), makes all stable, and marks
   * what is left. Hosts' requests that come meanwhile are held, and never begun.
   */
  shutDown(graceMs: number, done: () => void): void {
    const { path, healing } = this;
    path.gate.close("closing");
    healing.closing = true;
    const deadline = this.world.now() + graceMs;
    this.onDrained = () => {
      const empty = path.window.size === 0 && !healing.catchUp.hasTail;
      const drained = healing.standing !== "live" || empty;
      if (!(path.idle && drained) && this.world.now() < deadline) return;
      this.onDrained = null;
      this.closeStable(done);
    };
    this.onDrained();
  }

  private closeStable(done: () => void): void {
    const { path, healing } = this;
    if (healing.standing === "unmirrored") {
      path.flushLocal(() => done());
      return;
    }
    const inStep = healing.isInStep && path.window.size === 0;
    if (path.route === "live" && !inStep) {
      healing.beginOutage("restart", this.world.now(), "queueing");
    }
    healing.leaveForGood();
    const state: MarkState = inStep ? "clean" : path.route === "journal" ? "queueing" : "open";
    path.flushLocal((error) => {
      this.journal.sync((journalError) => {
        const closed = error === null && journalError === null && state !== "open";
        this.mark.write(closed ? state : "open", path, () => done(), closed);
      });
    });
  }

  // --- hosts --------------------------------------------------------------------------------------------------------

  submit(request: BlockRequest): void {
    this.path.submit(request);
  }

  resize(sizeBytes: number, done: (error: BlockError | null) => void): void {
    if (this.healing.standing !== "unmirrored") {
      done({ code: "not-ready", detail: "mirrored" });
      return;
    }
    this.local.resize(sizeBytes, done);
  }

  extentAt(offset: number): Extent {
    return this.local.extentAt(offset);
  }

  close(done: (error: BlockError | null) => void): void {
    this.local.close(done);
  }

  // --- the link -----------------------------------------------------------------------------------------------------

  /** The worker's connection is made and proven. */
  connected(port: MirrorPort): void {
    this.healing.connected(port);
  }

  /** The connection broke while heartbeats go on (SPEC L5): a flap, for at most T1. */
  connectionLost(): void {
    this.healing.connectionLost();
  }

  /** Heartbeats stopped, or the peer says it doesn't hear us (SPEC O1). */
  interrupted(cause: OutageCause, begunAt: number, detectedAt = this.world.now()): void {
    this.healing.interrupted(cause, begunAt, detectedAt);
  }

  linkProbation(inProbation: boolean): void {
    this.healing.probation(inProbation);
  }

  /** A frame from the mirror for this LUN. */
  answered(header: FrameHeader, payload: Buffer): void {
    this.healing.answered(header, payload);
    this.onDrained?.();
  }

  pause(): void {
    this.healing.pause();
  }

  resume(): void {
    this.healing.resume();
  }

  /** Call every few tens of ms, after the connection was drained. */
  tick(): void {
    this.onDrained?.();
    this.healing.tick();
  }
}
