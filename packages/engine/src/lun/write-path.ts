/**
 * The way of one host's write through the primary copy (SPEC W2, W3, W5-W7, W10, O3): held, given a number, journaled,
 * written locally, sent, answered. One thread owns it; every method returns at once. Where writes go is the `route`;
 * who decides about routes, and heals, is the owner.
 */
import type { BlockDevice, BlockError, BlockRequest } from "@lockstep/block";
import type { LunMode } from "@lockstep/model";
import { encodeFrame, encodeHeader, FrameKind, HEADER_BYTES } from "../wire/frame.ts";
import { formatStreamId } from "../wire/stream-id.ts";
import type { Copier } from "./copier.ts";
import { HostGate } from "./host-gate.ts";
import { Lineage } from "./lineage.ts";
import { type LocalCompletion, type MirrorWrite, WritePool } from "./mirror-write.ts";
import type { OutageTracker } from "./outage-tracker.ts";
import type { JournalError, LunJournal, LunReporter, LunWorld, MirrorPort } from "./ports.ts";
import { SuspectRanges } from "./suspect-ranges.ts";
import { SendWindow } from "./window.ts";

/**
 * local: not mirrored. untracked: mirrored, but a full copy has to heal what is written. live: by the window to the
 * mirror. journal: queued for the mirror.
 */
export type Route = "local" | "untracked" | "live" | "journal";

/** Who decides about routes. Called from within writes; each must leave the path in a state to go on in. */
export interface WritePathOwner {
  /** Asynchronous mode, and the window is full. */
  windowFull(): void;
  /** A record could not be journaled. */
  journalLost(error: JournalError): void;
  /** A record was journaled. */
  journaled(): void;
  /** A range has become suspect, or is no longer. */
  suspectsChanged(): void;
  /** A local flush has failed, or a host was told. */
  flushFailedChanged(): void;
  /** The local part of a request ended, or the mirror answered. */
  progressed(): void;
  /** The mirror has the whole copy. */
  copyArrived(): void;
}

export interface WritePathOptions {
  lun: Buffer;
  local: BlockDevice;
  journal: LunJournal;
  mode: LunMode;
  world: LunWorld;
  reporter: LunReporter;
  outage: OutageTracker;
}

const kindOf = {
  write: FrameKind.write,
  zero: FrameKind.zero,
  unmap: FrameKind.unmap,
  flush: FrameKind.flush,
  read: FrameKind.none,
} as const;

export class WritePath implements LocalCompletion {
  /** Since the data path began. */
  readonly counters = { reads: 0, readBytes: 0, writes: 0, writeBytes: 0 };
  readonly gate = new HostGate();
  readonly window = new SendWindow();
  /** Numbers whose local write failed after they were journaled, as `STREAM:NUMBER`. */
  readonly voids = new Set<string>();
  /** A local flush failed: what it covered may not be stable, though later ones succeed (SPEC W7). */
  doubtful = false;
  lineage = new Lineage([], 0);
  suspects = new SuspectRanges();
  mode: LunMode;
  /** The full copy under way: hosts don't wait for the mirror meanwhile. */
  copier: Copier | null = null;
  private readonly options: WritePathOptions;
  private readonly owner: WritePathOwner;
  private readonly local: BlockDevice;
  private readonly world: LunWorld;
  private readonly pool = new WritePool(this);
  private routeNow: Route = "local";
  private turnNow = 0;
  private port: MirrorPort | null = null;
  /** How many of the window's oldest entries are sent. */
  private sentEntries = 0;
  private underWay: MirrorWrite[] = [];
  /** A flush of the engine's own failed, and no host was told (SPEC W7). */
  private untold: BlockError | null = null;

  constructor(options: WritePathOptions, owner: WritePathOwner) {
    this.options = options;
    this.owner = owner;
    this.local = options.local;
    this.world = options.world;
    this.mode = options.mode;
  }

  get route(): Route {
    return this.routeNow;
  }

  /** Rises with each change of route: what was begun under an older one is void. */
  get turn(): number {
    return this.turnNow;
  }

  /** The first number in the journal whose local write is under way; Infinity for none. */
  get firstUnderWay(): number {
    let first = Infinity;
    for (const { route, op, number } of this.underWay) {
      if (route === "journal" && op !== "flush" && number < first) first = number;
    }
    return first;
  }

  /** Whether a flush of the engine's own failed, and no host was told. */
  get flushFailed(): boolean {
    return this.untold !== null;
  }

  get idle(): boolean {
    return this.underWay.length === 0;
  }

  /** The last number of the present stream that was sent. */
  get lastSent(): number {
    return this.lineage.last - this.window.size + this.sentEntries;
  }

  take(route: Route): void {
    this.routeNow = route;
    this.turnNow++;
  }

  /** Frames go here from now on; null: nowhere. */
  sendTo(port: MirrorPort | null): void {
    this.port = port;
  }

  // --- from hosts to the local copy ---------------------------------------------------------------------------------

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

  /** Begins what is held, as far as it may begin. */
  release(): void {
    if (this.gate.holdsAny) this.gate.release(this.admitsHeld, this.beginHeld);
  }

  private readonly admitsHeld = (request: BlockRequest): boolean => this.admits(request);
  private readonly beginHeld = (request: BlockRequest): void => this.begin(request);

  /** SPEC W3: what overlaps a write under way waits; SPEC W10: the window is bounded. */
  private admits(request: BlockRequest): boolean {
    if (this.overlapsAny(request.offset, request.length)) return false;
    if (this.routeNow !== "live" || this.window.fits(request.buffer?.length ?? 0)) return true;
    if (this.mode === "sync" || this.copier !== null) return false;
    this.owner.windowFull();
    return true;
  }

  /** Whether a write under way touches the range. */
  overlapsAny(offset: number, length: number): boolean {
    for (const write of this.underWay) {
      if (write.op !== "flush" && write.overlaps(offset, length)) return true;
    }
    return false;
  }

  private begin(request: BlockRequest): void {
    if (this.copier !== null) this.copier.touch(request.offset, request.length);
    const write = this.writeFor(request);
    if (this.routeNow === "live" || this.routeNow === "journal") {
      this.giveNumber(write);
      if (request.fua && request.op !== "flush") this.addFollower(write);
      const journaled = this.routeNow === "journal";
      if (journaled && !this.journalWrite(write)) return;
      this.submitLocal(write);
      if (journaled) this.owner.journaled();
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
    write.stream = this.lineage.current;
    if (this.routeNow === "live") {
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
    if (error !== null) {
      write.localError = error;
      if (write.op === "flush" || write.fua) this.doubt();
    }
    if (!write.submitting) this.settle(write);
  }

  private doubt(): void {
    if (this.doubtful) return;
    this.doubtful = true;
    this.owner.flushFailedChanged();
  }

  /** The local part of a request has ended. */
  private settle(write: MirrorWrite): void {
    const mayWaitForIt = write.underWay && write.route === "journal";
    if (write.underWay) {
      write.underWay = false;
      this.underWay.splice(this.underWay.indexOf(write), 1);
      this.copier?.pump();
    }
    if (this.untold !== null && write.op === "flush" && write.kind !== FrameKind.none) {
      write.localError ??= this.untold;
    }
    if (write.localError !== null) this.localFailed(write, write.localError);
    else if (this.suspects.any) this.rewritten(write);
    // A replay that waited for this one must find it void where it failed.
    if (mayWaitForIt) this.owner.journaled();
    const follower = write.follower;
    if (follower !== null) {
      write.follower = null;
      if (write.localError !== null) follower.localError ??= write.localError;
      this.submitLocal(follower);
    }
    if (write.route === "live") this.sendReady();
    this.maybeAnswer(write);
    this.release();
    this.owner.progressed();
  }

  /** SPEC W3: the number goes on as void; the region is suspect, and an event says so. */
  private localFailed(write: MirrorWrite, error: BlockError): void {
    this.options.reporter.event(
      "storage-error",
      "error",
      `a ${write.op} of ${write.length} bytes at ${write.offset} failed: ${error.code} (${error.detail})`,
    );
    if (write.op === "flush" || this.routeNow === "local") return;
    this.suspects.add(write.offset, write.length);
    this.owner.suspectsChanged();
    if (write.number === 0) return;
    if (write.route === "journal") {
      if (this.routeNow === "journal") this.journalVoid(write);
      return;
    }
    write.kind = FrameKind.void;
    write.offset = 0;
    write.length = 0;
    write.buffer = null;
    write.header = null;
  }

  private journalVoid({ number, stream }: MirrorWrite): void {
    this.voids.add(`${formatStreamId(stream)}:${number}`);
    const { lun, journal } = this.options;
    const record = encodeFrame(FrameKind.void, lun, stream, number, 0, 0, null);
    const lost = journal.append([record], number, number, 0, HEADER_BYTES);
    if (lost !== null) this.owner.journalLost(lost);
  }

  private rewritten({ op, offset, length }: MirrorWrite): void {
    const changes = op === "write" || op === "zero" || op === "unmap";
    if (changes && this.suspects.remove(offset, length)) this.owner.suspectsChanged();
  }

  private maybeAnswer(write: MirrorWrite): void {
    if (!write.settled || write.pending > 0) return;
    if (write.host !== null) {
      const waitsForMirror =
        write.route === "live" &&
        this.mode === "sync" &&
        !write.acknowledged &&
        write.localError === null &&
        this.copier === null;
      if (waitsForMirror) return;
      const host = write.host;
      write.host = null;
      const { outage } = this.options;
      if (outage.present !== null && write.route === "journal") {
        outage.waited(this.world.now() - write.startedAt);
      }
      host.complete(write.localError);
      if (write.kind === FrameKind.flush && write.localError !== null) this.flushErrorTold();
    }
    if (!write.inWindow) this.pool.give(write);
  }

  /** A host's next flush is answered with an error (SPEC W7). */
  oweFlushError(error: BlockError): void {
    this.untold = error;
    this.owner.flushFailedChanged();
  }

  private flushErrorTold(): void {
    if (this.untold === null) return;
    this.untold = null;
    this.owner.flushFailedChanged();
  }

  /** Makes the local copy stable; no number, no mirror. */
  flushLocal(done: (error: BlockError | null) => void): void {
    const flush = this.pool.take();
    flush.op = "flush";
    flush.kind = FrameKind.none;
    flush.offset = 0;
    flush.length = 0;
    flush.route = "local";
    flush.startedAt = this.world.now();
    const complete = (error: BlockError | null): void => {
      if (error !== null) this.oweFlushError(error);
      done(error);
    };
    flush.host = { op: "flush", offset: 0, length: 0, buffer: null, fua: false, complete };
    this.submitLocal(flush);
  }

  // --- to the journal -----------------------------------------------------------------------------------------------

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
    const { journal, outage } = this.options;
    const error = journal.append(buffers, write.number, last, last - write.number + 1, bytes);
    if (error !== null) {
      this.takeBack(write, follower, error);
      return false;
    }
    outage.queued(journal.bytes, journal.requests);
    const flush = write.op === "flush" ? write : follower;
    if (flush !== null) this.syncJournalFor(flush);
    return true;
  }

  private takeBack(write: MirrorWrite, follower: MirrorWrite | null, error: JournalError): void {
    const host = write.host ?? follower?.host ?? null;
    this.lineage.last = write.number - 1;
    if (follower !== null) this.pool.give(follower);
    this.pool.give(write);
    this.owner.journalLost(error);
    if (host !== null) this.gate.hold(host, this.world.now());
    this.release();
  }

  private recordOf(write: MirrorWrite): Buffer[] {
    const header = this.encode(write);
    return write.buffer === null ? [header] : [header, write.buffer];
  }

  private encode(write: MirrorWrite): Buffer {
    if (write.header !== null) return write.header;
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    const { kind, number, offset, length, buffer } = write;
    const { lun } = this.options;
    encodeHeader(header, 0, kind, lun, this.lineage.current, number, offset, length, buffer);
    write.header = header;
    return header;
  }

  private syncJournalFor(flush: MirrorWrite): void {
    flush.pending++;
    this.options.journal.sync((error) => {
      flush.pending--;
      if (error !== null) flush.localError ??= { code: "medium-error", detail: `journal ${error}` };
      if (flush.settled) this.maybeAnswer(flush);
    });
  }

  // --- to the mirror ------------------------------------------------------------------------------------------------

  /** Frames follow the local write, in the order of numbers (SPEC W3). */
  sendReady(): void {
    const { port } = this;
    if (port === null) return;
    for (;;) {
      const write = this.window.at(this.sentEntries);
      if (write === undefined || !(write.settled || write.op === "flush")) return;
      port.send(this.encode(write), write.buffer);
      write.sentAt = this.world.now();
      this.sentEntries++;
    }
  }

  /** The mirror has applied all up to `number`. */
  takeAnswers(number: number): void {
    for (;;) {
      const write = this.window.oldest;
      if (write === undefined || write.number > number || this.sentEntries === 0) break;
      this.window.shift();
      this.sentEntries--;
      write.acknowledged = true;
      if (write.kind === FrameKind.copyEnd) this.owner.copyArrived();
      this.maybeAnswer(write);
    }
  }

  /** SPEC L5: the mirror has applied up to `applied`, and the connection swallowed the rest: it is sent again. */
  sendAgain(applied: number): void {
    this.sentEntries = this.window.size;
    this.takeAnswers(applied);
    this.sentEntries = 0;
    this.sendReady();
  }

  /** A request of the mirror's own, in the order of numbers: a piece of a full copy. */
  pushOwn(kind: FrameKind, offset: number, length: number, buffer: Buffer | null): void {
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

  /** Answers all whose local part has ended; keeps what the mirror still has to be told. */
  answerSettled(): void {
    for (let at = 0; at < this.window.size; at++) {
      const write = this.window.at(at);
      if (write?.settled && write.host !== null) this.maybeAnswer(write);
    }
  }

  /** Empties the window without a journal: every host is answered by the local copy alone. */
  emptyWindow(): void {
    this.sentEntries = 0;
    while (this.window.size > 0) {
      const write = this.window.shift();
      write.route = "local";
      this.maybeAnswer(write);
    }
  }

  /** Writes in flight to the mirror join the journal, which is the route from now on (SPEC O1). */
  spill(): JournalError | null {
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
    this.take("journal");
    const { journal, outage } = this.options;
    const error =
      first === undefined || last === undefined
        ? null
        : journal.append(buffers, first, last, writes.length, bytes);
    const now = this.world.now();
    for (const write of writes) {
      write.route = error === null ? "journal" : "local";
      outage.waited(write.host === null ? 0 : now - write.startedAt);
      if (error === null && write.op === "flush" && write.host !== null) this.syncJournalFor(write);
      this.maybeAnswer(write);
    }
    return error;
  }
}
