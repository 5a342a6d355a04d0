/**
 * The journal's way to the mirror (SPEC O6): replay while hosts append behind; then, with the route live again, the tail:
 * what is sent and not yet answered stands only in the journal. Where replay does not gain on the hosts they are slowed.
 */
import type { Progress } from "@lockstep/model";
import { encodeFrame, FrameKind } from "../wire/frame.ts";
import { formatStreamId, parseStreamId, type StreamId } from "../wire/stream-id.ts";
import { encodePayload } from "../wire/stream-open.ts";
import type { OutageTracker } from "./outage-tracker.ts";
import type { JournalError, LunJournal, MirrorPort } from "./ports.ts";
import { Replayer, type ReplayOwner } from "./replayer.ts";
import type { WritePath } from "./write-path.ts";

/** Share of the journal's limit that shuts and opens the gate while replay runs. */
const PRESSURE_SHUT = 0.8;
const PRESSURE_OPEN = 0.7;

export interface CatchUpOwner {
  /** All is sent; said again whenever more was appended and sent. */
  caughtUp(): void;
  journalLost(error: JournalError): void;
  /** The mirror has answered all that was replayed. */
  journalArrived(): void;
}

export interface CatchUpOptions {
  lun: Buffer;
  journal: LunJournal;
  path: WritePath;
  outage: OutageTracker;
  now(): number;
}

export class CatchUp implements ReplayOwner {
  private readonly options: CatchUpOptions;
  private readonly owner: CatchUpOwner;
  private replayer: Replayer | null = null;
  private tail: Replayer | null = null;

  constructor(options: CatchUpOptions, owner: CatchUpOwner) {
    this.options = options;
    this.owner = owner;
  }

  get hasTail(): boolean {
    return this.tail !== null;
  }

  /** Since when something sent is not answered, as far as it matters: null where all is. */
  get waitsSince(): number | null {
    return this.replayer?.waitsSince ?? this.tail?.waitsSince ?? null;
  }

  /** Whether the last number given out is sent. */
  get isThrough(): boolean {
    return this.replayer?.caughtUp === true;
  }

  /** Sends all behind `applied` of `stream`. */
  start(
    port: MirrorPort,
    sizeBytes: number,
    stream: string,
    applied: number,
    unanswered = 0,
  ): void {
    const { lun, journal, path } = this.options;
    const from = { stream: parseStreamId(stream), number: applied };
    this.replayer = new Replayer(this, port, lun, sizeBytes, path.lineage, journal, from);
    if (unanswered > 0) this.replayer.owes(unanswered);
    this.watchPressure();
    this.replayer.pump();
  }

  pump(): void {
    this.replayer?.pump();
  }

  /** A record was appended. */
  appended(): void {
    this.watchPressure();
    this.replayer?.pump();
  }

  get progress(): Progress | null {
    const { outage, journal } = this.options;
    if (this.replayer === null || outage.present === null) return null;
    const done = outage.present.healBytes;
    return { kind: "replay", doneBytes: done, totalBytes: done + journal.bytes, etaMs: null };
  }

  stop(): void {
    this.replayer?.stop();
    this.replayer = null;
    this.options.path.gate.open("journal-pressure");
  }

  /** All is sent, and the route becomes live: what is not answered yet is the tail. */
  becomeTail(): void {
    this.tail = this.replayer;
    this.stop();
  }

  /** Begins the journal with the present stream's opening record (SPEC W2). */
  open(sizeBytes: number): JournalError | null {
    const { lun, journal, path } = this.options;
    const step = path.lineage.steps.at(-1);
    if (step === undefined) throw new Error("a stream without a step in its lineage");
    const payload = encodePayload({ step, sizeBytes });
    const id = parseStreamId(step.stream);
    const record = encodeFrame(FrameKind.open, lun, id, 0, 0, 0, payload);
    return journal.append([record], 0, 0, 0, record.length);
  }

  /** Whether the journal holds all behind `applied` of `stream`. */
  reaches(stream: string, applied: number): boolean {
    const { journal, path } = this.options;
    return journal.reaches(parseStreamId(stream), applied, path.lineage.lastOf(stream));
  }

  /** Lets the journal go. */
  forget(): void {
    this.options.journal.drop();
    this.forgetTail();
    this.options.path.voids.clear();
  }

  forgetTail(): void {
    this.tail = null;
  }

  /** The mirror's answer, where anything of the journal may be meant. */
  acknowledged(id: StreamId, number: number): void {
    const { journal, path } = this.options;
    if (path.route === "journal" || this.tail !== null) {
      journal.trim(id, number);
      this.watchPressure();
    }
    const stream = formatStreamId(id);
    this.replayer?.acknowledged(stream, number);
    this.tail?.acknowledged(stream, number);
    this.closeTail();
  }

  /** Ends the tail where nothing of it is left. */
  closeTail(): void {
    if (this.tail?.drained) this.owner.journalArrived();
  }

  /** SPEC O6: where replay does not gain on the hosts, they are slowed. */
  private watchPressure(): void {
    const { journal, path } = this.options;
    const share = journal.bytes / journal.limitBytes;
    if (this.replayer !== null && share > PRESSURE_SHUT) {
      path.gate.close("journal-pressure");
    } else if (share < PRESSURE_OPEN || this.replayer === null) {
      path.gate.open("journal-pressure");
      path.release();
    }
  }

  replayCaughtUp(): void {
    this.owner.caughtUp();
  }

  replayFailed(error: JournalError): void {
    this.owner.journalLost(error);
  }

  replaySent(bytes: number): void {
    this.options.outage.sent(bytes);
  }

  now(): number {
    return this.options.now();
  }

  get firstUnderWay(): number {
    return this.options.path.firstUnderWay;
  }

  isVoid(stream: string, number: number): boolean {
    const { voids } = this.options.path;
    return voids.size > 0 && voids.has(`${stream}:${number}`);
  }
}
