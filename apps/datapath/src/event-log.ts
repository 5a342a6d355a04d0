/**
 * Numbers events and keeps them beside the data until the database has them (SPEC C2, C3): JSON lines in segment files,
 * bounded in bytes. The last KEPT_EVENTS stay, taken or not, so that events can be listed without a database. Readers are
 * given an event only once it is stable: a number they have seen is never given to another event.
 */
import fs from "node:fs";
import path from "node:path";
import { Event } from "@lockstep/model";
import { AppendFile } from "./append-file.ts";

/** Kept whether taken or not, and listed. */
export const KEPT_EVENTS = 4_000;
const SEGMENT_BYTES = 2 ** 20;
/** All segments together; beyond it the oldest goes. */
const MAX_BYTES = 64 * SEGMENT_BYTES;
/** An event longer than this loses its `before` and `after`. */
const MAX_EVENT_BYTES = 64 * 2 ** 10;
/** Of what is listed; an answer must fit a line of the local protocol. */
const MAX_LISTED_BYTES = 3 * 2 ** 20;
/** Events given to a reader at once. */
const CHUNK_EVENTS = 256;
const SEGMENT_NAME = /^(\d{12})\.jsonl$/;
const TAKEN_NAME = "taken";

export type NewEvent = Omit<Event, "seq" | "at">;

export interface EventLimits {
  keptEvents: number;
  segmentBytes: number;
  maxBytes: number;
}

export interface EventChunk {
  /** Numbers between the one asked for and the first that is still there; null when there is no gap. */
  lost: { from: number; to: number } | null;
  events: Event[];
}

interface Segment {
  path: string;
  first: number;
  last: number;
  bytes: number;
}

export class EventLog {
  readonly #folder: string;
  readonly #limits: EventLimits;
  readonly #listeners = new Set<() => void>();
  /** Oldest first; the last one is being written. */
  readonly #segments: Segment[] = [];
  /** The last events, whether a file has them or not. */
  readonly #recent: Event[] = [];
  /** Of a full disk: written before the next, as long as they are in `#recent`. */
  readonly #unwritten: Event[] = [];
  #file: AppendFile | null = null;
  #lastSeq = 0;
  #stableSeq = 0;
  #takenSeq = 0;
  #read: { path: string; last: number; events: Event[] } | null = null;

  constructor(folder: string, limits: Partial<EventLimits> = {}) {
    this.#folder = folder;
    this.#limits = {
      keptEvents: KEPT_EVENTS,
      segmentBytes: SEGMENT_BYTES,
      maxBytes: MAX_BYTES,
      ...limits,
    };
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#recover();
  }

  /** Numbers an event and writes it down. */
  append(fresh: NewEvent): Event {
    const event: Event = { seq: ++this.#lastSeq, at: new Date().toISOString(), ...fresh };
    if (Buffer.byteLength(JSON.stringify(event)) > MAX_EVENT_BYTES) {
      event.before = null;
      event.after = null;
    }
    this.#recent.push(event);
    if (this.#recent.length > this.#limits.keptEvents) this.#recent.shift();
    this.#unwritten.push(event);
    if (this.#unwritten.length > this.#limits.keptEvents) this.#unwritten.shift();
    this.#write();
    return event;
  }

  /** The last events, oldest first, from `time` (ISO 8601) on. */
  since(time: string | null): Event[] {
    const fromMs = time === null ? 0 : Date.parse(time);
    const events: Event[] = [];
    let bytes = 0;
    for (let i = this.#recent.length - 1; i >= 0; i--) {
      const event = this.#recent[i];
      if (!event || Date.parse(event.at) < fromMs) break;
      bytes += Buffer.byteLength(JSON.stringify(event));
      if (bytes > MAX_LISTED_BYTES) break;
      events.push(event);
    }
    return events.reverse();
  }

  /** The next stable events after number `seq`; none when a reader has all. */
  after(seq: number): EventChunk {
    const source = this.#holding(seq + 1);
    const events: Event[] = [];
    for (const event of source) {
      if (event.seq <= seq) continue;
      if (event.seq > this.#stableSeq || events.length === CHUNK_EVENTS) break;
      events.push(event);
    }
    const first = events[0]?.seq;
    const lost = first !== undefined && first > seq + 1 ? { from: seq + 1, to: first - 1 } : null;
    return { lost, events };
  }

  /** A reader has events up to `seq`: where that is beyond ours (a restored data folder), numbering goes on from there. */
  seen(seq: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, seq);
  }

  /** All up to `seq` are in the database. */
  taken(seq: number): void {
    this.seen(seq);
    if (seq <= this.#takenSeq) return;
    this.#takenSeq = seq;
    try {
      fs.writeFileSync(path.join(this.#folder, TAKEN_NAME), String(seq), { mode: 0o600 });
    } catch {
      // Only a hint: without it, what is dropped after a restart may be told as lost though it was taken.
    }
    this.#forgetTaken();
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Calls `listener` whenever `after` has more. Returns how to stop that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
    this.#listeners.clear();
  }

  #recover(): void {
    const names = fs.readdirSync(this.#folder).filter((name) => SEGMENT_NAME.test(name));
    for (const name of names.sort()) {
      const file = path.join(this.#folder, name);
      const events = readSegment(file);
      const first = events[0]?.seq;
      const last = events.at(-1)?.seq;
      if (first === undefined || last === undefined) {
        fs.unlinkSync(file);
        continue;
      }
      this.#segments.push({ path: file, first, last, bytes: fs.statSync(file).size });
      this.#lastSeq = Math.max(this.#lastSeq, last);
      this.#recent.push(...events);
      this.#recent.splice(0, Math.max(0, this.#recent.length - this.#limits.keptEvents));
    }
    this.#stableSeq = this.#lastSeq;
    this.#takenSeq = readTaken(path.join(this.#folder, TAKEN_NAME));
    this.#lastSeq = Math.max(this.#lastSeq, this.#takenSeq);
  }

  #write(): void {
    try {
      for (let event = this.#unwritten[0]; event; event = this.#unwritten[0]) {
        const segment = this.#segment(event.seq);
        if (!this.#file) return;
        this.#file.append(`${JSON.stringify(event)}\n`);
        segment.last = event.seq;
        segment.bytes = this.#file.bytes;
        this.#unwritten.shift();
      }
    } catch {
      // A full or broken disk: the event stays in memory, is given to readers, and is written with the next.
      this.#published();
    }
  }

  /** The segment to write `seq` to: a new one where the last is full, or was another start's. */
  #segment(seq: number): Segment {
    const last = this.#segments.at(-1);
    if (last && this.#file && !this.#isFull(this.#file)) return last;
    this.#file?.close();
    this.#file = null;
    const name = `${String(seq).padStart(12, "0")}.jsonl`;
    const segment = { path: path.join(this.#folder, name), first: seq, last: seq - 1, bytes: 0 };
    this.#file = new AppendFile(segment.path, () => this.#published());
    this.#segments.push(segment);
    this.#bound();
    return segment;
  }

  /** Left only once it is stable, so that what is in the present file is all that is not; a hung disk ends that. */
  #isFull(file: AppendFile): boolean {
    const { segmentBytes } = this.#limits;
    return file.bytes >= segmentBytes && (file.synced || file.bytes >= 2 * segmentBytes);
  }

  /** Readers may have what is stable, and what cannot be made stable. */
  #published(): void {
    if (this.#file && !this.#file.synced && this.#unwritten.length === 0) return;
    this.#stableSeq = this.#lastSeq;
    for (const listener of this.#listeners) listener();
  }

  /** Drops whole segments that are taken and no longer kept for listing. */
  #forgetTaken(): void {
    const keptFrom = this.#recent[0]?.seq ?? 0;
    for (let oldest = this.#segments[0]; oldest; oldest = this.#segments[0]) {
      const needed = oldest.last > this.#takenSeq || oldest.last >= keptFrom;
      if (needed || this.#segments.length === 1) return;
      this.#dropOldest();
    }
  }

  /** Past the bound the oldest goes, and it is said if nobody had taken it. */
  #bound(): void {
    let bytes = this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
    let lostFrom = 0;
    let lostTo = 0;
    while (bytes > this.#limits.maxBytes && this.#segments.length > 1) {
      const oldest = this.#dropOldest();
      bytes -= oldest.bytes;
      const from = Math.max(oldest.first, this.#takenSeq + 1);
      if (oldest.last < from) continue;
      lostFrom ||= from;
      lostTo = oldest.last;
    }
    if (lostTo > 0) queueMicrotask(() => this.#tellLost(lostFrom, lostTo));
  }

  #tellLost(from: number, to: number): void {
    if (!this.#file) return;
    this.append({
      kind: "events-lost",
      severity: "error",
      actor: { who: "system", from: "data path" },
      subject: "server",
      message: `events ${from} to ${to} were dropped: the database took none for too long`,
      before: null,
      after: null,
    });
  }

  #dropOldest(): Segment {
    const oldest = this.#segments.shift();
    if (!oldest) throw new Error("no segment to drop");
    fs.rmSync(oldest.path, { force: true });
    return oldest;
  }

  /** Events that begin at or before `seq`, or with the first that is left after it. */
  #holding(seq: number): readonly Event[] {
    const firstRecent = this.#recent[0]?.seq ?? 0;
    if (seq >= firstRecent) return this.#recent;
    const segment = this.#segments.find(({ last }) => last >= seq);
    if (!segment || segment.first >= firstRecent) return this.#recent;
    if (this.#read?.path !== segment.path || this.#read.last !== segment.last) {
      this.#read = { path: segment.path, last: segment.last, events: readSegment(segment.path) };
    }
    return this.#read.events;
  }
}

function readSegment(file: string): Event[] {
  const events: Event[] = [];
  for (const value of AppendFile.read(file)) {
    const event = Event.safeParse(value);
    if (event.success && event.data.seq > (events.at(-1)?.seq ?? 0)) events.push(event.data);
  }
  return events;
}

function readTaken(file: string): number {
  try {
    const seq = Number(fs.readFileSync(file, "utf8"));
    return Number.isSafeInteger(seq) && seq > 0 ? seq : 0;
  } catch {
    return 0;
  }
}
