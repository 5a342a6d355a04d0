/**
 * What stands between a primary copy and its mirror, and how it is healed (SPEC L5, L7, O1, O5, O6, R1, R5, W8). It
 * decides the write path's route; the link's events, the mirror's answers and the clock drive it.
 *
 * ```
 *  route:     local ── designated ──▶ untracked ── copy begins ──▶ live ◀── caught up / outage ──▶ journal
 *                                         ▲        (outage while copying, journal given up)           │
 *                                         └───────────────────────────────────────────────────────────┘
 *  standing:  waiting ─ connected ─▶ meeting ─▶ copying | replaying ─▶ live ─ connection lost ─▶ flap ─▶ meeting
 * ```
 */
import type { BlockDevice } from "@lockstep/block";
import type { OutageCause } from "@lockstep/model";
import { encodeFrame, type FrameHeader, FrameKind } from "../wire/frame.ts";
import { formatStreamId, sameStream } from "../wire/stream-id.ts";
import { decodePayload, MirrorReport, RefusedPayload } from "../wire/stream-open.ts";
import { CatchUp, type CatchUpOwner } from "./catch-up.ts";
import { FullCopy, type FullCopyOwner } from "./full-copy.ts";
import type { MarkKeeper } from "./mark-keeper.ts";
import { meet } from "./meeting.ts";
import type { OutageTracker } from "./outage-tracker.ts";
import { Patience } from "./patience.ts";
import type { JournalError, LunJournal, LunReporter, LunWorld, MirrorPort } from "./ports.ts";
import type { WritePath } from "./write-path.ts";

export type Standing =
  | "unmirrored"
  | "waiting"
  | "meeting"
  | "copying"
  | "replaying"
  | "live"
  | "flap";

export interface HealingOptions {
  lun: Buffer;
  local: BlockDevice;
  journal: LunJournal;
  path: WritePath;
  mark: MarkKeeper;
  outage: OutageTracker;
  world: LunWorld;
  reporter: LunReporter;
}

export class Healing implements CatchUpOwner, FullCopyOwner {
  readonly catchUp: CatchUp;
  readonly fullCopy: FullCopy;
  readonly patience: Patience;
  /** The mirror can be healed by a full copy only. */
  needsCopy = false;
  paused = false;
  /** The LUN ends: it is not joined any more. */
  closing = false;
  /** Why it is not mirrored, where that is known. */
  reason: string | null = null;
  private readonly options: HealingOptions;
  private readonly path: WritePath;
  private readonly mark: MarkKeeper;
  private readonly outage: OutageTracker;
  private readonly world: LunWorld;
  private standingNow: Standing = "unmirrored";
  private port: MirrorPort | null = null;
  private acknowledged: { stream: string; number: number } | null = null;
  /** Since when the connection is gone while heartbeats go on; null when it is not. */
  private flapSince: number | null = null;
  private linkInProbation = false;
  private goingLive = false;
  private markRetry = false;
  private hasLeft = false;

  constructor(options: HealingOptions) {
    const { lun, journal, path, mark, outage, world } = options;
    this.options = options;
    this.path = path;
    this.mark = mark;
    this.outage = outage;
    this.world = world;
    this.catchUp = new CatchUp({ lun, journal, path, outage, now: () => world.now() }, this);
    this.fullCopy = new FullCopy(options, this);
    this.patience = new Patience(path, this.catchUp);
  }

  get standing(): Standing {
    return this.standingNow;
  }

  /** Whether all that was answered is at the mirror, or in the window to it. */
  get isInStep(): boolean {
    const isLive = this.standingNow === "live" && !this.catchUp.hasTail;
    return isLive && !this.needsCopy && !this.paused && this.path.copier === null;
  }

  /** Whether the mirror is on probation: with the whole link, or alone after it could not store. */
  get inProbation(): boolean {
    return (
      this.linkInProbation || (this.port !== null && this.patience.isHoldingOff(this.world.now()))
    );
  }

  /** Frames of the window flow only while the mirror is known to take them. */
  private stand(standing: Standing): void {
    this.standingNow = standing;
    this.path.sendTo(standing === "live" || standing === "copying" ? this.port : null);
  }

  // --- beginning and end --------------------------------------------------------------------------------------------

  /** A start of the data path found the LUN mirrored; `moved`: another worker had it a moment ago (SPEC S1). */
  begin(moved: boolean): void {
    const now = this.world.now();
    this.stand("waiting");
    if (moved) this.flapSince = now;
    else this.outage.begin("restart", now, now, "queueing");
  }

  /** From now on a mirror is wanted, and a full copy is what it needs; joined when the mark says so. */
  designate(done: (error: string | null) => void): void {
    this.stand("waiting");
    this.path.suspects.clear();
    this.giveUpTracking("the mirror is new");
    this.mark.write("open", this.path, (error) => {
      done(error);
      this.join();
    });
    this.options.reporter.changed();
  }

  /** No mirror is wanted any more. */
  undesignate(): void {
    this.catchUp.stop();
    this.flapSince = null;
    this.patience.retryNow();
    this.stand("unmirrored");
    if (!this.mark.is("open")) this.mark.write("open", this.path, () => undefined);
    this.needsCopy = false;
    this.paused = false;
    this.reason = null;
    this.fullCopy.stop();
    this.path.take("local");
    this.path.emptyWindow();
    this.path.suspects.clear();
    this.catchUp.forget();
    this.path.release();
    this.outage.heal();
    this.options.reporter.changed();
  }

  /** The LUN ends: what the mirror still says changes nothing any more. */
  leaveForGood(): void {
    this.port = null;
    this.leaveMirror();
    this.hasLeft = true;
    // What was begun before is void.
    this.path.take(this.path.route);
  }

  // --- the link -----------------------------------------------------------------------------------------------------

  /** The worker's connection is made and proven. */
  connected(port: MirrorPort): void {
    if (this.hasLeft) return;
    this.port = port;
    this.patience.retryNow();
    this.stand(this.standingNow);
    this.join();
  }

  /** The connection broke while heartbeats go on (SPEC L5): a flap, for at most T1. */
  connectionLost(): void {
    this.port = null;
    if (this.standingNow === "unmirrored" || this.hasLeft) return;
    const resumable = this.path.route === "live" && !this.catchUp.hasTail;
    this.stand(resumable ? "flap" : "waiting");
    if (this.path.route === "live" && !resumable) this.spill();
    this.catchUp.stop();
    this.flapSince ??= this.world.now();
    this.options.reporter.changed();
  }

  /** Heartbeats stopped, or the peer says it doesn't hear us (SPEC O1). */
  interrupted(cause: OutageCause, begunAt: number, detectedAt: number): void {
    this.port = null;
    if (this.standingNow === "unmirrored" || this.hasLeft) return;
    this.patience.retryNow();
    this.beginOutage(cause, begunAt, "queueing", detectedAt);
  }

  probation(inProbation: boolean): void {
    if (this.linkInProbation === inProbation) return;
    this.linkInProbation = inProbation;
    if (this.standingNow !== "unmirrored" && !this.paused) {
      const after = this.standingNow === "replaying" ? "replay" : "queueing";
      this.outage.enter(inProbation ? "probation" : after);
      this.options.reporter.changed();
    }
  }

  pause(): void {
    if (this.standingNow === "unmirrored" || this.paused) return;
    this.paused = true;
    this.beginOutage("operator", this.world.now(), "paused");
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.outage.enter(this.linkInProbation ? "probation" : "queueing");
    this.join();
    this.options.reporter.changed();
  }

  /** Call every few tens of ms, after the connection was drained. */
  tick(): void {
    if (this.hasLeft) return;
    const now = this.world.now();
    if (this.markRetry) this.markOpen();
    const { flapSince } = this;
    if (flapSince !== null && now - flapSince > this.patience.times.t1) {
      this.beginOutage("connection", flapSince, "queueing");
      this.join();
    } else {
      this.watch(now);
    }
    this.path.release();
  }

  private watch(now: number): void {
    const { patience } = this;
    switch (this.standingNow) {
      case "live":
      case "copying":
        this.slow(patience.slowSince(now));
        return;
      case "replaying":
        this.slow(patience.replaySlowSince(now));
        return;
      case "meeting":
        if (patience.isUnheard(now)) this.holdOff("the mirror does not say what it holds");
        return;
      case "waiting":
        this.join();
        return;
    }
  }

  /** SPEC L7: the mirror has been too slow since then; null: it is not. */
  private slow(since: number | null): void {
    if (since === null) return;
    const wasBehind = this.standingNow === "replaying" || this.catchUp.hasTail;
    // Where heartbeats are missing as well, it is the peer that is silent, and not its storage that is slow.
    const heardAgoMs = this.world.heardAgoMs();
    if (heardAgoMs > 2 * this.patience.times.t2) {
      this.beginOutage("silence", this.world.now() - heardAgoMs, "queueing");
    } else {
      this.beginOutage("mirror-slow", since, "queueing");
    }
    // Hosts that were slowed for its sake must not be slowed again at once.
    if (wasBehind) this.holdOff("the mirror does not answer");
    else this.join();
  }

  /** Hosts' writes are queued from now on, or tracked no longer where a copy was under way. */
  beginOutage(
    cause: OutageCause,
    begunAt: number,
    phase: "queueing" | "paused",
    detectedAt = this.world.now(),
  ): void {
    const now = this.world.now();
    const { path } = this;
    this.outage.begin(cause, begunAt, detectedAt, phase);
    this.flapSince = null;
    this.leaveMirror();
    if (path.copier !== null) this.abandonCopy(`the copy was cut short (${cause})`);
    else if (path.route === "live") this.spill();
    const held = path.gate.oldestSince;
    if (held !== null) this.outage.waited(now - held);
    if (path.route === "journal") this.secureQueue();
    path.release();
    this.options.reporter.changed();
  }

  private leaveMirror(): void {
    this.catchUp.stop();
    this.stand("waiting");
  }

  // --- the mirror ---------------------------------------------------------------------------------------------------

  /** Asks the mirror what it holds, where the LUN may be joined now. */
  private join(): void {
    const { port } = this;
    if (port === null || this.paused || this.closing) return;
    if (this.standingNow !== "waiting" && this.standingNow !== "flap") return;
    const now = this.world.now();
    if (this.patience.isHoldingOff(now)) return;
    this.stand("meeting");
    this.patience.asked(now);
    const { lun } = this.options;
    port.send(encodeFrame(FrameKind.query, lun, this.path.lineage.current, 0, 0, 0, null), null);
  }

  /** A frame from the mirror for this LUN. */
  answered(header: FrameHeader, payload: Buffer): void {
    if (this.standingNow === "unmirrored" || this.hasLeft) return;
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
    const { path } = this;
    const id = { hi: header.streamHi, lo: header.streamLo };
    this.patience.answered(this.world.now());
    this.acknowledged = { stream: formatStreamId(id), number: header.number };
    this.catchUp.acknowledged(id, header.number);
    if (!sameStream(id, path.lineage.current)) return;
    if (path.route === "live") {
      path.takeAnswers(header.number);
      path.copier?.pump();
    }
    path.release();
  }

  private met(payload: Buffer): void {
    const { port, path } = this;
    if (this.standingNow !== "meeting" || port === null) return;
    const report = decodePayload(MirrorReport, payload);
    if (report === null) {
      this.holdOff("the mirror's report could not be read");
      return;
    }
    const { journal } = this.options;
    const meeting = meet(
      {
        needsCopy: this.needsCopy,
        lineage: path.lineage.steps,
        last: path.lineage.last,
        windowFirst: path.window.oldest?.number ?? path.lineage.last + 1,
        journalHolds: journal.requests > 0,
        journalReaches:
          report.stream === null || this.catchUp.reaches(report.stream, report.applied),
        acknowledged: this.acknowledged,
      },
      report,
    );
    if (meeting.do === "copy") {
      this.startCopy(meeting.why, report.condition === "none");
    } else if (meeting.do === "resume" && path.route === "live") {
      this.resumeWindow(meeting.applied);
    } else {
      if (path.route === "live") this.spill();
      this.startReplay(port, report.stream ?? "", report.applied);
    }
    this.options.reporter.changed();
  }

  /** SPEC L5: the rest is sent again from the window. */
  private resumeWindow(applied: number): void {
    const { path } = this;
    this.flapSince = null;
    this.stand(path.copier === null ? "live" : "copying");
    path.sendAgain(applied);
    path.copier?.pump();
    path.release();
    if (this.outage.present !== null && path.copier === null) this.healed();
  }

  private healed(): void {
    this.patience.healed();
    this.reason = null;
    this.outage.heal();
    this.options.reporter.changed();
  }

  /** SPEC W8: the mirror could not store and froze this LUN; tried again with back-off. */
  private mirrorFailed(payload: Buffer): void {
    const refusal = decodePayload(RefusedPayload, payload);
    this.holdOff(refusal?.message ?? "the mirror failed to store");
    this.beginOutage("storage", this.world.now(), "queueing");
  }

  private holdOff(reason: string): void {
    this.patience.holdOff(this.world.now());
    if (this.standingNow !== "waiting") {
      if (this.path.route === "live") this.beginOutage("storage", this.world.now(), "queueing");
      this.leaveMirror();
    }
    this.reason = reason;
    this.options.reporter.changed();
  }

  // --- the journal --------------------------------------------------------------------------------------------------

  private spill(): void {
    const { journal } = this.options;
    this.catchUp.forgetTail();
    const error = this.path.spill();
    if (error !== null) this.journalLost(error);
    this.outage.queued(journal.bytes, journal.requests);
  }

  /** Asynchronous mode, window full: what is not sent goes through the journal (SPEC W6). */
  windowFull(): void {
    const { port, path } = this;
    const sent = path.lastSent;
    const unanswered = path.window.bytes;
    const wasLive = this.standingNow === "live" && !this.catchUp.hasTail;
    this.spill();
    if (path.route !== "journal") return;
    this.stand("waiting");
    if (port !== null && wasLive) {
      this.startReplay(port, formatStreamId(path.lineage.current), sent, unanswered);
    } else {
      this.join();
    }
    this.options.reporter.changed();
  }

  /** Makes the queue what a restart may replay from (SPEC R1, mark `queueing`). */
  private secureQueue(): void {
    if (this.mark.willBe("queueing")) return;
    const { path } = this;
    const { turn } = path;
    path.flushLocal((error) => {
      if (turn !== path.turn || error !== null) return;
      this.options.journal.sync((journalError) => {
        if (turn !== path.turn || journalError !== null) return;
        this.mark.write("queueing", path, () => undefined);
      });
    });
  }

  private startReplay(port: MirrorPort, stream: string, applied: number, unanswered = 0): void {
    this.flapSince = null;
    this.stand("replaying");
    this.outage.enter("replay");
    this.catchUp.start(port, this.options.local.sizeBytes, stream, applied, unanswered);
  }

  /** All is sent: the mark becomes `open`, stable, and then the next write goes straight to the window (SPEC O6). */
  caughtUp(): void {
    if (this.standingNow !== "replaying") return;
    if (this.mark.is("open")) {
      this.goLive();
      return;
    }
    if (this.goingLive) return;
    this.goingLive = true;
    this.mark.write("open", this.path, (error) => {
      this.goingLive = false;
      if (this.hasLeft) return;
      if (this.standingNow !== "replaying") {
        if (this.path.route === "journal") this.secureQueue();
      } else if (error !== null) {
        this.holdOff(`the mark could not be written: ${error}`);
      } else if (this.catchUp.isThrough && this.mark.is("open")) {
        this.goLive();
      } else {
        this.catchUp.pump();
      }
    });
  }

  private goLive(): void {
    this.catchUp.becomeTail();
    this.path.take("live");
    this.stand("live");
    this.catchUp.closeTail();
    this.path.release();
    this.options.reporter.changed();
  }

  /** The mirror has all that was journaled: in step again. */
  journalArrived(): void {
    this.catchUp.forget();
    this.healed();
  }

  /** SPEC O4, as the stand-in has it: the mark says so first, then the journal goes, then a full copy heals. */
  journalLost(error: JournalError): void {
    const why =
      error === "full"
        ? "the journal reached its limit"
        : error === "no-space"
          ? "no space was left for the journal"
          : "the journal failed";
    const message = `${why}: the LUN will be copied in full`;
    this.options.reporter.event("journal-full", "warning", message);
    this.leaveMirror();
    this.giveUpTracking(why);
    this.path.gate.close("mark");
    this.markOpen();
  }

  /** The mark must not promise a replay once a write goes by the journal; tried again at the next tick. */
  private markOpen(): void {
    this.markRetry = false;
    const marked = (error: string | null): void => {
      if (error !== null) {
        const message = `the mark could not be written: ${error}`;
        this.options.reporter.event("storage-error", "error", message);
        this.markRetry = true;
        return;
      }
      this.catchUp.forget();
      this.path.gate.open("mark");
      this.path.release();
      this.join();
    };
    if (this.mark.is("open")) marked(null);
    else this.mark.write("open", this.path, marked);
  }

  /** What is written from now on is healed by a full copy. */
  giveUpTracking(why: string): void {
    this.needsCopy = true;
    this.reason = why;
    this.catchUp.forgetTail();
    this.path.take("untracked");
  }

  suspectsChanged(): void {
    this.mark.renew(this.path);
    this.options.reporter.changed();
  }

  // --- the full copy ------------------------------------------------------------------------------------------------

  private startCopy(why: string, mirrorIsZero: boolean): void {
    if (this.path.suspects.any && !mirrorIsZero) {
      // SPEC W8: what the mirror holds of these is better than what lies here.
      this.holdOff(`${why}, and a copy would overwrite what could not be written here`);
      return;
    }
    this.fullCopy.stop();
    this.path.gate.close("mark");
    this.giveUpTracking(why);
    this.path.emptyWindow();
    this.acknowledged = null;
    if (!this.mark.is("open") && !this.mark.is("copying")) {
      // Nothing may be written by the journal while the mark promises a replay: first the mark, then the copy.
      this.leaveMirror();
      this.markOpen();
      return;
    }
    this.path.gate.open("mark");
    this.path.release();
    this.fullCopy.begin(why, mirrorIsZero);
  }

  copyMayBegin(): boolean {
    return this.standingNow === "meeting";
  }

  copyMayGoOn(): boolean {
    return this.standingNow === "copying";
  }

  copyBegins(): void {
    this.catchUp.forget();
    this.flapSince = null;
    this.stand("copying");
  }

  copyEnded(): void {
    this.needsCopy = false;
    if (this.standingNow === "copying") this.stand("live");
    this.healed();
  }

  copyFailed(message: string): void {
    this.abandonCopy(message);
    this.holdOff(message);
  }

  private abandonCopy(why: string): void {
    this.fullCopy.stop();
    this.giveUpTracking(why);
    this.path.emptyWindow();
  }
}
