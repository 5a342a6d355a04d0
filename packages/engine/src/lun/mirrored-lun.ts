/**
 * The primary copy of a LUN: a block device to those who serve hosts, a numbered stream of mirror requests to the peer.
 * One thread owns it; every method returns at once. Which way a write goes is the `route`; what stands between this copy
 * and its mirror is the `standing`.
 *
 * ```
 *  route:     local ── designated ──▶ untracked ── copy begins ──▶ live ◀── caught up / outage ──▶ journal
 *                                         ▲        (outage while copying, journal given up)           │
 *                                         └───────────────────────────────────────────────────────────┘
 *  standing:  waiting ─ connected ─▶ meeting ─▶ copying | replaying ─▶ live ─ connection lost ─▶ flap ─▶ meeting
 * ```
 */
import type { BlockDevice, BlockError, BlockRequest, Extent } from "@lockstep/block";
import type { LunMode, LunState, OutageCause, Progress } from "@lockstep/model";
import {
  encodeFrame,
  encodeHeader,
  type FrameHeader,
  FrameKind,
  HEADER_BYTES,
  lunBytes,
} from "../wire/frame.ts";
import { formatStreamId, parseStreamId, sameStream } from "../wire/stream-id.ts";
import { decodePayload, encodePayload, MirrorReport, RefusedPayload } from "../wire/stream-open.ts";
import { COPY_WINDOW_BYTES, Copier, type CopyOwner } from "./copier.ts";
import { HostGate } from "./host-gate.ts";
import { Lineage } from "./lineage.ts";
import type { LunMark, MarkState, Restoration } from "./mark.ts";
import { meet } from "./meeting.ts";
import { type LocalCompletion, type MirrorWrite, WritePool } from "./mirror-write.ts";
import { OutageTracker } from "./outage-tracker.ts";
import type {
  JournalError,
  LunJournal,
  LunReporter,
  LunWorld,
  MarkStore,
  MirrorPort,
  OutageFacts,
} from "./ports.ts";
import { Replayer, type ReplayOwner } from "./replayer.ts";
import { SendWindow } from "./window.ts";

type Route = "local" | "untracked" | "live" | "journal";
type Standing = "unmirrored" | "waiting" | "meeting" | "copying" | "replaying" | "live" | "flap";

/** Hosts are slowed where replay does not gain on them: share of the journal's limit that shuts and opens the gate. */
const PRESSURE_SHUT = 0.8;
const PRESSURE_OPEN = 0.7;

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

/** The times of the link that a LUN needs, ms. */
export interface LunTimes {
  t1: number;
  t4: number;
  probation: number;
}

const kindOf = {
  write: FrameKind.write,
  zero: FrameKind.zero,
  unmap: FrameKind.unmap,
  flush: FrameKind.flush,
  read: FrameKind.none,
} as const;

export class MirroredLun implements BlockDevice, LocalCompletion, ReplayOwner, CopyOwner {
  readonly blockSize: number;
  /** Since the data path began. */
  readonly counters = { reads: 0, readBytes: 0, writes: 0, writeBytes: 0 };
  private readonly local: BlockDevice;
  private readonly journal: LunJournal;
  private readonly marks: MarkStore;
  private readonly world: LunWorld;
  private readonly reporter: LunReporter;
  private readonly lun: Buffer;
  private readonly pool = new WritePool(this);
  private readonly window = new SendWindow();
  private readonly gate = new HostGate();
  private readonly outage = new OutageTracker();
  private lineage = new Lineage([], 0);
  private modeNow: LunMode;
  private route: Route = "local";
  private standing: Standing = "unmirrored";
  private markNow: MarkState | null = null;
  /** What was asked to be marked last; it becomes `markNow` when it is stable. */
  private markWanted: MarkState | null = null;
  /** Rises with each change of route: what was begun under an older one is void. */
  private routeTurn = 0;
  private needsCopy = false;
  private paused = false;
  private closing = false;
  private port: MirrorPort | null = null;
  private copier: Copier | null = null;
  private replayer: Replayer | null = null;
  /** How many of the window's oldest entries are sent. */
  private sentEntries = 0;
  /** The route is live, but the mirror has not answered all that was replayed: that stands only in the journal. */
  private tail: Replayer | null = null;
  private readonly voids = new Set<string>();
  private underWay: MirrorWrite[] = [];
  private acknowledged: { stream: string; number: number } | null = null;
  private lastAnswerAt = 0;
  /** Since when the connection is gone while heartbeats go on; null when it is not. */
  private flapSince: number | null = null;
  /** Not to be joined again before this time (SPEC W8: back-off, own probation). */
  private retryAt = 0;
  private retryDelayMs = 0;
  private times: LunTimes = { t1: 2000, t4: 2000, probation: 5000 };
  private linkInProbation = false;
  private reasonNow: string | null = null;
  private goingLive = false;
  private markRetry = false;
  private healedFacts: OutageFacts | null = null;
  private onDrained: (() => void) | null = null;

  constructor(options: MirroredLunOptions) {
    this.local = options.local;
    this.blockSize = options.local.blockSize;
    this.journal = options.journal;
    this.marks = options.marks;
    this.world = options.world;
    this.reporter = options.reporter;
    this.modeNow = options.mode;
    this.lun = lunBytes(options.uuid);
  }

  // --- what outsiders see -------------------------------------------------------------------------------------------

  get sizeBytes(): number {
    return this.local.sizeBytes;
  }

  get mode(): LunMode {
    return this.modeNow;
  }

  /** SPEC R7: "mirrored" only in step, with nothing queued. */
  get state(): LunState {
    if (this.standing === "unmirrored") return "unmirrored";
    if (this.paused) return "paused";
    if (this.needsCopy || this.copier !== null) return "initializing";
    if (this.standing === "live") return this.tail === null ? "mirrored" : "replaying";
    if (this.standing === "replaying") return "replaying";
    const ownProbation = this.port !== null && this.retryAt > this.world.now();
    return this.linkInProbation || ownProbation ? "probation" : "queueing";
  }

  get reason(): string | null {
    return this.reasonNow;
  }

  get outageFacts(): Readonly<OutageFacts> | null {
    return this.outage.present;
  }

  /** Bytes acknowledged to hosts or sent that the mirror has not answered; null where that is not known. */
  get lagBytes(): number | null {
    if (this.standing === "unmirrored" || this.needsCopy) return null;
    return (
      this.window.bytes + (this.route === "journal" || this.tail !== null ? this.journal.bytes : 0)
    );
  }

  /** Age of the oldest request the mirror has not answered, ms; null where that is not known. */
  get lagMs(): number | null {
    if (this.standing === "unmirrored" || this.needsCopy) return null;
    const present = this.outage.present;
    if (present !== null) return this.world.now() - present.begunAt;
    const oldest = this.window.oldest;
    return oldest === undefined ? 0 : this.world.now() - oldest.startedAt;
  }

  /** Age of the oldest command that hosts wait for, ms (SPEC H3, G3). */
  get oldestCommandMs(): number {
    const since = Math.min(
      this.gate.oldestSince ?? Infinity,
      this.window.oldest?.startedAt ?? Infinity,
    );
    return since === Infinity ? 0 : this.world.now() - since;
  }

  get progress(): Progress | null {
    if (this.copier !== null) return this.copier.progress;
    const present = this.outage.present;
    if (this.standing !== "replaying" || present === null) return null;
    const done = present.healBytes;
    return { kind: "replay", doneBytes: done, totalBytes: done + this.journal.bytes, etaMs: null };
  }

  get inFlight(): number {
    return this.window.size;
  }

  // --- beginning and end --------------------------------------------------------------------------------------------

  /** Begins without a mirror. */
  startUnmirrored(): void {
    this.becomeRoute("local");
    this.standing = "unmirrored";
  }

  /** Begins as the primary of a mirrored LUN after a start of the data path; `done` when hosts may be served. */
  startMirrored(start: MirroredStart, done: (error: string | null) => void): void {
    const { mark, restoration, recovered, moved } = start;
    const now = this.world.now();
    this.standing = "waiting";
    if (moved) this.flapSince = now;
    else this.outage.begin("restart", now, now, "queueing");
    if (mark !== null && restoration !== "full-copy") {
      this.lineage = new Lineage(mark.lineage, recovered?.last ?? mark.last);
      for (const { stream, number } of recovered?.voids ?? [])
        this.voids.add(`${stream}:${number}`);
      this.lineage.beginChild(this.world.newStream());
      if (this.journalOpening() === null) {
        this.becomeRoute("journal");
        this.writeMark("queueing", done);
        return;
      }
    }
    this.giveUpTracking("the data path did not end in order while mirrored");
    this.writeMark("open", (error) => {
      if (error === null) this.forgetJournal();
      done(error);
    });
  }

  /** Designates the LUN: from now on it wants a mirror, and a first full copy (SPEC R5). */
  designate(done: (error: string | null) => void): void {
    this.standing = "waiting";
    this.giveUpTracking("the mirror is new");
    this.writeMark("open", (error) => {
      done(error);
      this.join();
    });
    this.reporter.changed();
  }

  /** Takes the designation back: hosts are answered, what is queued is forgotten. */
  undesignate(): void {
    this.standing = "unmirrored";
    this.needsCopy = false;
    this.paused = false;
    this.reasonNow = null;
    this.leaveMirror();
    this.becomeRoute("local");
    this.emptyWindow();
    this.forgetJournal();
    this.release();
    this.healedFacts = this.outage.heal() ?? this.healedFacts;
    this.reporter.changed();
  }

  setMode(mode: LunMode): void {
    this.modeNow = mode;
    if (mode === "async") this.answerSettled();
    this.reporter.changed();
  }

  setTimes(times: LunTimes): void {
    this.times = times;
  }

  /**
   * Ends in order: lets the window empty for at most `graceMs` (the caller calls `tick`), makes all stable, and marks
   * what is left. Hosts' requests that come meanwhile are held, and never begun.
   */
  shutDown(graceMs: number, done: () => void): void {
    this.gate.close("closing");
    this.closing = true;
    const deadline = this.world.now() + graceMs;
    this.onDrained = () => {
      const idle = this.underWay.length === 0;
      const drained = this.standing !== "live" || (this.window.size === 0 && this.tail === null);
      if (!(idle && drained) && this.world.now() < deadline) return;
      this.onDrained = null;
      this.closeStable(done);
    };
    this.onDrained();
  }

  private closeStable(done: () => void): void {
    if (this.standing === "unmirrored") {
      this.flushLocal(() => done());
      return;
    }
    const inStep = this.state === "mirrored" && this.window.size === 0;
    if (this.route === "live" && !inStep) {
      this.beginOutage("restart", this.world.now(), "queueing");
    }
    const state: MarkState = inStep ? "clean" : this.route === "journal" ? "queueing" : "open";
    this.flushLocal((error) => {
      this.journal.sync((journalError) => {
        const closed = error === null && journalError === null && state !== "open";
        this.writeMark(closed ? state : "open", () => done(), closed);
      });
    });
  }

  // --- hosts --------------------------------------------------------------------------------------------------------

  submit(request: BlockRequest): void {
    if (request.op === "read") {
      this.counters.reads++;
      this.counters.readBytes += request.length;
      this.local.submit(request);
      return;
    }
    if (this.gate.closed || this.gate.holdsAny || !this.admits(request)) {
      this.gate.hold(request, this.world.now());
      return;
    }
    this.begin(request);
  }

  resize(sizeBytes: number, done: (error: BlockError | null) => void): void {
    if (this.standing !== "unmirrored") {
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

  /** SPEC W3: what overlaps a write under way waits; SPEC W10: the window is bounded. */
  private admits(request: BlockRequest): boolean {
    for (const write of this.underWay) {
      if (write.op !== "flush" && write.overlaps(request.offset, request.length)) return false;
    }
    if (this.route !== "live" || this.window.fits(request.buffer?.length ?? 0)) return true;
    if (this.modeNow === "sync" || this.copier !== null) return false;
    this.spillAsync();
    return true;
  }

  private begin(request: BlockRequest): void {
    if (this.copier !== null) this.copier.touch(request.offset, request.length);
    const write = this.writeFor(request);
    if (this.route === "live" || this.route === "journal") {
      this.giveNumber(write);
      if (request.fua && request.op !== "flush") this.addFollower(write);
      if (this.route === "journal" && !this.journalWrite(write)) return;
      this.submitLocal(write);
      return;
    }
    write.fua = request.fua;
    write.route = "local";
    this.submitLocal(write);
  }

  private writeFor(request: BlockRequest): MirrorWrite {
    this.counters.writes++;
    this.counters.writeBytes += request.length;
    const write = this.pool.take();
    write.op = request.op;
    write.kind = kindOf[request.op];
    write.offset = request.offset;
    write.length = request.length;
    write.buffer = request.buffer;
    write.host = request;
    write.startedAt = this.world.now();
    return write;
  }

  private giveNumber(write: MirrorWrite): void {
    write.number = ++this.lineage.last;
    if (this.route === "live") {
      write.route = "live";
      this.window.push(write);
    } else {
      write.route = "journal";
    }
  }

  /** SPEC W7: an FUA write is followed by a flush with a number of its own; the host waits for that. */
  private addFollower(write: MirrorWrite): void {
    const flush = this.pool.take();
    flush.op = "flush";
    flush.kind = FrameKind.flush;
    flush.offset = 0;
    flush.length = 0;
    flush.host = write.host;
    flush.startedAt = write.startedAt;
    write.host = null;
    write.follower = flush;
    this.giveNumber(flush);
  }

  /** Record before local write (SPEC O3). False where the journal is given up; the request was held. */
  private journalWrite(write: MirrorWrite): boolean {
    const follower = write.follower;
    const buffers = this.recordOf(write);
    let last = write.number;
    let bytes = write.frameBytes;
    if (follower !== null) {
      buffers.push(this.encode(follower));
      last = follower.number;
      bytes += HEADER_BYTES;
    }
    const error = this.journal.append(buffers, write.number, last, last - write.number + 1, bytes);
    if (error !== null) {
      const host = write.host ?? follower?.host ?? null;
      this.lineage.last = write.number - 1;
      if (follower !== null) this.pool.give(follower);
      this.pool.give(write);
      this.journalLost(error);
      if (host !== null) this.gate.hold(host, this.world.now());
      this.release();
      return false;
    }
    this.outage.queued(this.journal.bytes, this.journal.requests);
    const flush = write.op === "flush" ? write : follower;
    if (flush !== null) this.syncJournalFor(flush);
    this.watchPressure();
    if (this.standing === "replaying") this.replayer?.pump();
    return true;
  }

  private recordOf(write: MirrorWrite): Buffer[] {
    const header = this.encode(write);
    return write.buffer === null ? [header] : [header, write.buffer];
  }

  private encode(write: MirrorWrite): Buffer {
    if (write.header !== null) return write.header;
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    const { kind, number, offset, length, buffer } = write;
    encodeHeader(header, 0, kind, this.lun, this.lineage.current, number, offset, length, buffer);
    write.header = header;
    return header;
  }

  private syncJournalFor(flush: MirrorWrite): void {
    flush.pending++;
    this.journal.sync((error) => {
      flush.pending--;
      if (error !== null) flush.localError ??= { code: "medium-error", detail: `journal ${error}` };
      if (flush.settled) this.maybeAnswer(flush);
    });
  }

  private submitLocal(write: MirrorWrite): void {
    write.submitting = true;
    this.local.submit(write);
    write.submitting = false;
    if (write.settled) {
      this.settle(write);
      return;
    }
    write.underWay = true;
    this.underWay.push(write);
  }

  localDone(write: MirrorWrite, error: BlockError | null): void {
    write.settled = true;
    if (error !== null) write.localError = error;
    if (!write.submitting) this.settle(write);
  }

  /** The local part of a request has ended. */
  private settle(write: MirrorWrite): void {
    if (write.underWay) {
      write.underWay = false;
      this.underWay.splice(this.underWay.indexOf(write), 1);
      this.copier?.pump();
    }
    if (write.localError !== null) this.localFailed(write, write.localError);
    const follower = write.follower;
    if (follower !== null) {
      write.follower = null;
      if (write.localError !== null) follower.localError ??= write.localError;
      this.submitLocal(follower);
    }
    if (write.route === "live") this.sendReady();
    this.maybeAnswer(write);
    if (this.gate.holdsAny) this.release();
    if (this.onDrained !== null) this.onDrained();
  }

  /** SPEC W3: the number goes on as void; the region is suspect, and an event says so. */
  private localFailed(write: MirrorWrite, error: BlockError): void {
    this.reporter.event(
      "storage-error",
      "error",
      `a ${write.op} of ${write.length} bytes at ${write.offset} failed: ${error.code} (${error.detail})`,
    );
    if (write.op === "flush" || write.number === 0) return;
    if (write.route === "journal") {
      const stream = formatStreamId(this.lineage.current);
      this.voids.add(`${stream}:${write.number}`);
      const { current } = this.lineage;
      const record = encodeFrame(FrameKind.void, this.lun, current, write.number, 0, 0, null);
      const lost = this.journal.append([record], write.number, write.number, 0, HEADER_BYTES);
      if (lost !== null) this.journalLost(lost);
      return;
    }
    write.kind = FrameKind.void;
    write.offset = 0;
    write.length = 0;
    write.buffer = null;
    write.header = null;
  }

  private maybeAnswer(write: MirrorWrite): void {
    if (!write.settled || write.pending > 0) return;
    if (write.host !== null) {
      const waitsForMirror =
        write.route === "live" &&
        this.modeNow === "sync" &&
        !write.acknowledged &&
        write.localError === null &&
        this.copier === null;
      if (waitsForMirror) return;
      const host = write.host;
      write.host = null;
      if (this.outage.present !== null && write.route === "journal") {
        this.outage.waited(this.world.now() - write.startedAt);
      }
      host.complete(write.localError);
    }
    if (!write.inWindow) this.pool.give(write);
  }

  private release(): void {
    this.gate.release(this.admitsHeld, this.beginHeld);
  }

  private readonly admitsHeld = (request: BlockRequest): boolean => this.admits(request);
  private readonly beginHeld = (request: BlockRequest): void => this.begin(request);

  // --- the window ---------------------------------------------------------------------------------------------------

  /** Frames follow the local write, in the order of numbers (SPEC W3). */
  private sendReady(): void {
    const { port } = this;
    if (port === null || (this.standing !== "live" && this.standing !== "copying")) return;
    for (;;) {
      const write = this.window.at(this.sentEntries);
      if (write === undefined || !(write.settled || write.op === "flush")) return;
      port.send(this.encode(write), write.buffer);
      write.sentAt = this.world.now();
      this.sentEntries++;
    }
  }

  private takeAnswers(number: number): void {
    for (;;) {
      const write = this.window.oldest;
      if (write === undefined || write.number > number || this.sentEntries === 0) break;
      this.window.shift();
      this.sentEntries--;
      write.acknowledged = true;
      if (write.kind === FrameKind.copyEnd) this.copyArrived();
      this.maybeAnswer(write);
    }
  }

  /** Answers all whose local part has ended; keeps what the mirror still has to be told. */
  private answerSettled(): void {
    for (let at = 0; at < this.window.size; at++) {
      const write = this.window.at(at);
      if (write?.settled && write.host !== null) this.maybeAnswer(write);
    }
  }

  /** Empties the window without a journal: every host is answered by the local copy alone. */
  private emptyWindow(): void {
    this.sentEntries = 0;
    while (this.window.size > 0) {
      const write = this.window.shift();
      write.route = "local";
      this.maybeAnswer(write);
    }
  }

  /** Writes in flight to the mirror join the journal (SPEC O1). */
  private spill(): void {
    const writes: MirrorWrite[] = [];
    const buffers: Buffer[] = [];
    let bytes = 0;
    while (this.window.size > 0) {
      const write = this.window.shift();
      writes.push(write);
      buffers.push(...this.recordOf(write));
      bytes += write.frameBytes;
    }
    this.sentEntries = 0;
    const first = writes[0]?.number;
    const last = writes.at(-1)?.number;
    this.becomeRoute("journal");
    this.tail = null;
    const error =
      first === undefined || last === undefined
        ? null
        : this.journal.append(buffers, first, last, writes.length, bytes);
    const now = this.world.now();
    for (const write of writes) {
      write.route = error === null ? "journal" : "local";
      this.outage.waited(write.host === null ? 0 : now - write.startedAt);
      if (error === null && write.op === "flush" && write.host !== null) this.syncJournalFor(write);
      this.maybeAnswer(write);
    }
    if (error !== null) this.journalLost(error);
    this.outage.queued(this.journal.bytes, this.journal.requests);
  }

  /** Asynchronous mode, window full: what is not sent goes through the journal (SPEC W6). */
  private spillAsync(): void {
    const { port } = this;
    const sent = this.lineage.last - this.window.size + this.sentEntries;
    const wasLive = this.standing === "live" && this.tail === null;
    this.spill();
    if (this.route !== "journal") return;
    this.standing = "waiting";
    if (port !== null && wasLive)
      this.startReplay(port, formatStreamId(this.lineage.current), sent);
    else this.join();
    this.reporter.changed();
  }

  // --- the link -----------------------------------------------------------------------------------------------------

  /** The worker's connection is made and proven. */
  connected(port: MirrorPort): void {
    this.port = port;
    this.join();
  }

  /** The connection broke while heartbeats go on (SPEC L5): a flap, for at most T1. */
  connectionLost(): void {
    this.port = null;
    if (this.standing === "unmirrored") return;
    const now = this.world.now();
    const resumable = this.route === "live" && this.tail === null;
    if (this.route === "live" && !resumable) this.spill();
    this.stopReplay();
    this.flapSince ??= now;
    this.standing = resumable ? "flap" : "waiting";
    this.reporter.changed();
  }

  /** Heartbeats stopped, or the peer says it doesn't hear us (SPEC O1). */
  interrupted(cause: OutageCause, begunAt: number): void {
    this.port = null;
    if (this.standing === "unmirrored") return;
    this.retryAt = 0;
    this.beginOutage(cause, begunAt, "queueing");
  }

  linkProbation(inProbation: boolean): void {
    if (this.linkInProbation === inProbation) return;
    this.linkInProbation = inProbation;
    if (this.standing !== "unmirrored" && !this.paused) {
      this.outage.enter(inProbation ? "probation" : "queueing");
      this.reporter.changed();
    }
  }

  pause(): void {
    if (this.standing === "unmirrored" || this.paused) return;
    this.paused = true;
    this.beginOutage("operator", this.world.now(), "paused");
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.outage.enter(this.linkInProbation ? "probation" : "queueing");
    this.join();
    this.reporter.changed();
  }

  /** Call every few tens of ms, after the connection was drained. */
  tick(): void {
    const now = this.world.now();
    if (this.onDrained !== null) this.onDrained();
    if (this.markRetry) this.markOpen();
    const { flapSince } = this;
    if (flapSince !== null && now - flapSince > this.times.t1) {
      this.beginOutage("connection", flapSince, "queueing");
      this.join();
    } else if (this.standing === "live" || this.standing === "copying") {
      this.watchAnswers(now);
    } else if (this.standing === "waiting" && this.port !== null && this.retryAt <= now) {
      this.join();
    }
    if (this.gate.oldestSince !== null) this.release();
  }

  /**
   * SPEC L7: a mirror request unanswered for T4 is an outage of this LUN. In asynchronous mode, while copying, and where
   * the oldest is a flush, nobody waits on one request, and what counts is progress.
   */
  private watchAnswers(now: number): void {
    const oldest = this.window.oldest;
    if (oldest === undefined || oldest.sentAt === 0) return;
    const isFlush = oldest.kind === FrameKind.flush || oldest.kind === FrameKind.copyEnd;
    const byProgress = this.modeNow === "async" || this.copier !== null || isFlush;
    const since = byProgress ? Math.max(oldest.sentAt, this.lastAnswerAt) : oldest.sentAt;
    const limitMs = isFlush ? 4 * this.times.t4 : this.times.t4;
    if (now - since < limitMs) return;
    this.beginOutage("mirror-slow", oldest.sentAt, "queueing");
    this.join();
  }

  private beginOutage(cause: OutageCause, begunAt: number, phase: "queueing" | "paused"): void {
    const now = this.world.now();
    this.outage.begin(cause, begunAt, now, phase);
    this.flapSince = null;
    this.leaveMirror();
    this.standing = "waiting";
    if (this.copier !== null) this.abandonCopy(`the copy was cut short (${cause})`);
    else if (this.route === "live") this.spill();
    const held = this.gate.oldestSince;
    if (held !== null) this.outage.waited(now - held);
    this.gate.open("journal-pressure");
    if (this.route === "journal") this.secureQueue();
    this.release();
    this.reporter.changed();
  }

  private leaveMirror(): void {
    this.stopReplay();
    if (this.standing !== "unmirrored") this.standing = "waiting";
  }

  /** Asks the mirror what it holds, where the LUN may be joined now. */
  private join(): void {
    const { port } = this;
    if (port === null || this.paused || this.closing) return;
    if (this.standing !== "waiting" && this.standing !== "flap") return;
    if (this.retryAt > this.world.now()) return;
    this.standing = "meeting";
    const query = encodeFrame(FrameKind.query, this.lun, this.lineage.current, 0, 0, 0, null);
    port.send(query, null);
  }

  /** A frame from the mirror for this LUN. */
  answered(header: FrameHeader, payload: Buffer): void {
    if (this.standing === "unmirrored") return;
    switch (header.kind) {
      case FrameKind.ack:
        this.acked(header);
        return;
      case FrameKind.opened:
        this.met(payload);
        return;
      case FrameKind.failed:
        this.mirrorFailed(payload);
        return;
      case FrameKind.refused: {
        const refusal = decodePayload(RefusedPayload, payload);
        this.holdOff(refusal?.message ?? "the mirror refused without a reason");
        return;
      }
      default:
        return;
    }
  }

  private acked(header: FrameHeader): void {
    const id = { hi: header.streamHi, lo: header.streamLo };
    const stream = formatStreamId(id);
    this.lastAnswerAt = this.world.now();
    this.acknowledged = { stream, number: header.number };
    if (this.route === "journal" || this.tail !== null) {
      this.journal.trim(id, header.number);
      this.watchPressure();
    }
    if (this.standing === "replaying") this.replayer?.acknowledged(stream, header.number);
    if (this.tail !== null) {
      this.tail.acknowledged(stream, header.number);
      if (this.tail.drained) this.journalArrived();
    }
    if (!sameStream(id, this.lineage.current)) return;
    if (this.route === "live") {
      this.takeAnswers(header.number);
      this.copier?.pump();
    }
    if (this.gate.holdsAny) this.release();
    if (this.onDrained !== null) this.onDrained();
  }

  /** The mirror has all that was journaled: in step again. */
  private journalArrived(): void {
    this.forgetJournal();
    this.healed();
  }

  private healed(): void {
    this.retryDelayMs = 0;
    this.reasonNow = null;
    this.healedFacts = this.outage.heal() ?? this.healedFacts;
    this.reporter.changed();
  }

  /** The last healed outage, once. */
  takeHealed(): OutageFacts | null {
    const facts = this.healedFacts;
    this.healedFacts = null;
    return facts;
  }

  private met(payload: Buffer): void {
    const { port } = this;
    if (this.standing !== "meeting" || port === null) return;
    const report = decodePayload(MirrorReport, payload);
    if (report === null) {
      this.holdOff("the mirror's report could not be read");
      return;
    }
    const meeting = meet(
      {
        needsCopy: this.needsCopy,
        lineage: this.lineage.steps,
        last: this.lineage.last,
        windowFirst: this.window.oldest?.number ?? this.lineage.last + 1,
        journalHolds: this.journal.requests > 0,
        acknowledged: this.acknowledged,
      },
      report,
    );
    if (meeting.do === "copy") {
      this.startCopy(meeting.why, report.condition === "none");
    } else if (meeting.do === "resume" && this.route === "live") {
      this.resumeWindow(meeting.applied);
    } else {
      if (this.route === "live") this.spill();
      this.startReplay(port, report.stream ?? "", report.applied);
    }
    this.reporter.changed();
  }

  /** SPEC L5: the rest is sent again from the window. */
  private resumeWindow(applied: number): void {
    this.flapSince = null;
    this.standing = this.copier === null ? "live" : "copying";
    this.sentEntries = this.window.size;
    this.takeAnswers(applied);
    this.sentEntries = 0;
    this.sendReady();
    this.copier?.pump();
    this.release();
    if (this.outage.present !== null && this.copier === null) this.healed();
  }

  /** SPEC W8: the mirror could not store and froze this LUN; tried again with back-off. */
  private mirrorFailed(payload: Buffer): void {
    const refusal = decodePayload(RefusedPayload, payload);
    this.holdOff(refusal?.message ?? "the mirror failed to store");
    this.beginOutage("storage", this.world.now(), "queueing");
  }

  private holdOff(reason: string): void {
    const max = 12 * this.times.probation;
    this.retryDelayMs = Math.min(Math.max(this.times.probation, this.retryDelayMs * 2), max);
    this.retryAt = this.world.now() + this.retryDelayMs;
    this.reasonNow = reason;
    if (this.standing === "meeting" || this.standing === "replaying") {
      if (this.route === "live") this.beginOutage("storage", this.world.now(), "queueing");
      this.leaveMirror();
    }
    this.reporter.changed();
  }

  // --- the journal --------------------------------------------------------------------------------------------------

  private journalOpening(): JournalError | null {
    const step = this.lineage.steps.at(-1);
    if (step === undefined) throw new Error("a stream without a step in its lineage");
    const payload = encodePayload({ step, sizeBytes: this.sizeBytes });
    const id = parseStreamId(step.stream);
    const record = encodeFrame(FrameKind.open, this.lun, id, 0, 0, 0, payload);
    return this.journal.append([record], 0, 0, 0, record.length);
  }

  /** Makes the queue what a restart may replay from (SPEC R1, mark `queueing`). */
  private secureQueue(): void {
    if (this.markWanted === "queueing") return;
    const turn = this.routeTurn;
    this.flushLocal((error) => {
      if (turn !== this.routeTurn || error !== null) return;
      this.journal.sync((journalError) => {
        if (turn !== this.routeTurn || journalError !== null) return;
        this.writeMark("queueing", () => undefined);
      });
    });
  }

  private startReplay(port: MirrorPort, stream: string, applied: number): void {
    this.flapSince = null;
    this.standing = "replaying";
    this.outage.enter("replay");
    const from = { stream: parseStreamId(stream), number: applied };
    this.replayer = new Replayer(
      this,
      port,
      this.lun,
      this.sizeBytes,
      this.lineage,
      this.journal,
      from,
    );
    this.watchPressure();
    this.replayer.pump();
  }

  private stopReplay(): void {
    this.replayer?.stop();
    this.replayer = null;
    this.gate.open("journal-pressure");
  }

  /** All is sent: the mark becomes `open`, stable, and then the next write goes straight to the window (SPEC O6). */
  replayCaughtUp(): void {
    if (this.standing !== "replaying") return;
    if (this.isMarked("open")) {
      this.goLive();
      return;
    }
    if (this.goingLive) return;
    this.goingLive = true;
    this.writeMark("open", (error) => {
      this.goingLive = false;
      if (this.standing !== "replaying") {
        if (this.route === "journal") this.secureQueue();
      } else if (error !== null) {
        this.holdOff(`the mark could not be written: ${error}`);
      } else if (this.replayer?.caughtUp && this.isMarked("open")) {
        this.goLive();
      } else {
        this.replayer?.pump();
      }
    });
  }

  private goLive(): void {
    this.tail = this.replayer;
    this.stopReplay();
    this.becomeRoute("live");
    this.standing = "live";
    if (this.tail?.drained) this.journalArrived();
    this.release();
    this.reporter.changed();
  }

  replayFailed(error: JournalError): void {
    this.journalLost(error);
  }

  isVoid(stream: string, number: number): boolean {
    return this.voids.size > 0 && this.voids.has(`${stream}:${number}`);
  }

  replaySent(bytes: number): void {
    this.outage.sent(bytes);
  }

  /** SPEC O6: where replay does not gain on the hosts, they are slowed. */
  private watchPressure(): void {
    const share = this.journal.bytes / this.journal.limitBytes;
    if (this.standing === "replaying" && share > PRESSURE_SHUT) {
      this.gate.close("journal-pressure");
    } else if (share < PRESSURE_OPEN || this.standing !== "replaying") {
      this.gate.open("journal-pressure");
      if (this.gate.holdsAny) this.release();
    }
  }

  /** SPEC O4, as the stand-in has it: the mark says so first, then the journal goes, then a full copy heals. */
  private journalLost(error: JournalError): void {
    const why =
      error === "full"
        ? "the journal reached its limit"
        : error === "no-space"
          ? "no space was left for the journal"
          : "the journal failed";
    this.reporter.event("journal-full", "warning", `${why}: the LUN will be copied in full`);
    this.leaveMirror();
    this.giveUpTracking(why);
    this.gate.close("mark");
    this.markOpen();
  }

  /** The mark must not promise a replay once a write goes by the journal; tried again at the next tick. */
  private markOpen(): void {
    this.markRetry = false;
    const marked = (error: string | null): void => {
      if (error !== null) {
        this.reporter.event("storage-error", "error", `the mark could not be written: ${error}`);
        this.markRetry = true;
        return;
      }
      this.forgetJournal();
      this.gate.open("mark");
      this.release();
      this.join();
    };
    if (this.isMarked("open")) marked(null);
    else this.writeMark("open", marked);
  }

  private forgetJournal(): void {
    this.journal.drop();
    this.tail = null;
    this.voids.clear();
  }

  private giveUpTracking(why: string): void {
    this.needsCopy = true;
    this.reasonNow = why;
    this.tail = null;
    this.becomeRoute("untracked");
  }

  // --- the full copy ------------------------------------------------------------------------------------------------

  private startCopy(why: string, mirrorIsZero: boolean): void {
    if (this.route === "live") this.spill();
    this.giveUpTracking(why);
    this.lineage.beginFresh(this.world.newStream());
    this.acknowledged = null;
    const turn = this.routeTurn;
    this.writeMark("copying", (error) => {
      if (turn !== this.routeTurn || this.standing !== "meeting") return;
      if (error !== null) {
        this.holdOff(`the mark could not be written: ${error}`);
        return;
      }
      this.forgetJournal();
      this.becomeRoute("live");
      this.flapSince = null;
      this.standing = "copying";
      this.outage.enter("resync");
      this.copier = new Copier(this, this.local, mirrorIsZero);
      this.pushOwn(FrameKind.copyBegin, 0, 0, null);
      this.reporter.event("copy-began", "info", `a full copy began: ${why}`);
      this.copier.pump();
      this.reporter.changed();
    });
  }

  copyMayGoOn(): boolean {
    return this.standing === "copying" && this.window.bytes < COPY_WINDOW_BYTES;
  }

  copyMustWait(offset: number, length: number): boolean {
    return this.underWay.some((write) => write.op !== "flush" && write.overlaps(offset, length));
  }

  copyBlock(offset: number, data: Buffer): void {
    this.outage.sent(data.length);
    this.pushOwn(FrameKind.copy, offset, data.length, data);
  }

  copyZeroes(offset: number, length: number): void {
    this.pushOwn(FrameKind.copyZero, offset, length, null);
  }

  copyEnd(): void {
    this.pushOwn(FrameKind.copyEnd, 0, 0, null);
  }

  copyFailed(error: BlockError): void {
    const message = `the copy could not read the local data: ${error.code} (${error.detail})`;
    this.reporter.event("storage-error", "error", message);
    this.abandonCopy(message);
    this.standing = "meeting";
    this.holdOff(message);
  }

  now(): number {
    return this.world.now();
  }

  defer(task: () => void): void {
    this.world.defer(task);
  }

  private pushOwn(kind: FrameKind, offset: number, length: number, buffer: Buffer | null): void {
    const write = this.pool.take();
    write.op = "read";
    write.kind = kind;
    write.offset = offset;
    write.length = length;
    write.buffer = buffer;
    write.startedAt = this.world.now();
    write.settled = true;
    this.giveNumber(write);
    this.sendReady();
  }

  /** The mirror holds the whole copy, stable: so must this side before it counts (SPEC R1). */
  private copyArrived(): void {
    const turn = this.routeTurn;
    this.flushLocal((error) => {
      if (turn !== this.routeTurn || this.copier === null) return;
      if (error !== null) {
        this.copyFailed(error);
        return;
      }
      this.writeMark("open", (markError) => {
        if (turn !== this.routeTurn || this.copier === null || markError !== null) return;
        this.copier = null;
        this.needsCopy = false;
        if (this.standing === "copying") this.standing = "live";
        this.reporter.event(
          "copy-ended",
          "info",
          "the full copy is whole and stable on both servers",
        );
        this.healed();
      });
    });
  }

  private abandonCopy(why: string): void {
    this.copier?.stop();
    this.copier = null;
    this.giveUpTracking(why);
    this.emptyWindow();
  }

  // --- common -------------------------------------------------------------------------------------------------------

  private becomeRoute(route: Route): void {
    this.route = route;
    this.routeTurn++;
  }

  /** Whether the mark is stable as this, and nothing else is on its way. */
  private isMarked(state: MarkState): boolean {
    return this.markNow === state && this.markWanted === state;
  }

  private writeMark(state: MarkState, done: (error: string | null) => void, closed = false): void {
    const mark: LunMark = {
      state,
      kernelBootId: this.world.kernelBootId,
      closed,
      lineage: [...this.lineage.steps],
      last: this.lineage.last,
    };
    this.markWanted = state;
    this.marks.write(mark, (error) => {
      if (error === null) this.markNow = state;
      else if (this.markWanted === state) this.markWanted = null;
      done(error);
    });
  }

  private flushLocal(done: (error: BlockError | null) => void): void {
    const flush = this.pool.take();
    flush.op = "flush";
    flush.kind = FrameKind.none;
    flush.offset = 0;
    flush.length = 0;
    flush.route = "local";
    flush.startedAt = this.world.now();
    flush.host = { op: "flush", offset: 0, length: 0, buffer: null, fua: false, complete: done };
    this.submitLocal(flush);
  }
}
