/**
 * What a restart makes of a journal (SPEC O3): which records are usable, which of them the local copy needs again,
 * and which regions are dirty instead. `JournalRecovery` is fed the journal's items in order; each is one of the cases
 * of `RECOVERY_TABLE`, and the table says what the case does to the run of usable records and to the dirty regions.
 *
 * A *run* is an unbroken run of numbers, each record whole, through turns of the stream. The first run, if it begins
 * where the journal does, can be replayed to the mirror. The run that holds the number after the stable mark is redone
 * on the local copy: mostly the first as well, a later one where the mark stands behind what broke the first.
 */
import { formatStreamId, parseStreamId, type StreamId, sameStream } from "../wire/stream-id.ts";
import type { JournalItem, Place, RecordItem } from "./record.ts";

export type RecoveryCase =
  | "next"
  | "gap"
  | "resume"
  | "repeat"
  | "wrong-stream"
  | "void-known"
  | "void-early"
  | "open-next"
  | "open-ahead"
  | "open-resume"
  | "open-wrong"
  | "stable"
  | "damaged"
  | "foreign"
  | "unreadable"
  | "torn"
  | "behind";

interface Consequence {
  /**
   * `extend`: the item continues the run. `restart`: the run ends before it, and a new one begins with it. `end`: the
   * run ends before it. `stop`: the same, and no run begins behind it, for the order of what follows isn't known.
   */
  readonly run: "extend" | "restart" | "end" | "stop" | "keep";
  /** What becomes dirty: nothing, the item's range, or, where ranges may have been lost, every region. */
  readonly dirty: "nothing" | "range" | "all";
}

/** Behind the first break, an item's range becomes dirty whatever the case. */
export const RECOVERY_TABLE = {
  /** The number after the last. */
  next: { run: "extend", dirty: "nothing" },
  /** Numbers are missing before it. */
  gap: { run: "restart", dirty: "range" },
  /** The first whole record behind damage. */
  resume: { run: "restart", dirty: "range" },
  /** Not above the number before it: the order isn't known any more. */
  repeat: { run: "stop", dirty: "range" },
  /** No opening record led to its stream. */
  "wrong-stream": { run: "stop", dirty: "range" },
  /** VOID for a record that stands before it: not redone, and void for the mirror (SPEC W3). */
  "void-known": { run: "keep", dirty: "nothing" },
  /** VOID for a record that was trimmed. */
  "void-early": { run: "keep", dirty: "nothing" },
  /** A stream begins where the one before ended. */
  "open-next": { run: "extend", dirty: "nothing" },
  /** A stream begins above the last number read: its parent's tail is lost. */
  "open-ahead": { run: "restart", dirty: "nothing" },
  /** A stream begins behind damage. */
  "open-resume": { run: "restart", dirty: "nothing" },
  /** A stream begins below the last number read, or from a parent that isn't the one before. */
  "open-wrong": { run: "stop", dirty: "nothing" },
  stable: { run: "keep", dirty: "nothing" },
  damaged: { run: "end", dirty: "range" },
  foreign: { run: "stop", dirty: "all" },
  unreadable: { run: "end", dirty: "all" },
  torn: { run: "keep", dirty: "nothing" },
  /** Anything behind a stop. */
  behind: { run: "keep", dirty: "range" },
} as const satisfies Record<RecoveryCase, Consequence>;

/** A moment of the journal's history: a number of the stream that is the `turn`th in it. */
export interface Position {
  readonly turn: number;
  readonly number: number;
}

export function isBefore(a: Position, b: Position): boolean {
  return a.turn < b.turn || (a.turn === b.turn && a.number < b.number);
}

/** The records after `after` up to `end`. */
export interface Run {
  readonly after: Position;
  end: Position;
}

/** Whether a record at `position` is one of a run's. */
export function isWithin(run: Run, position: Position): boolean {
  return isBefore(run.after, position) && !isBefore(run.end, position);
}

/** Where dirty regions are noted; a `RegionBitmap` is one. */
export interface RegionSink {
  setRange(offset: number, length: number): unknown;
  setAll(): void;
}

export interface StreamNumber {
  readonly stream: StreamId;
  readonly number: number;
}

export interface RecoveryOutcome {
  /** The last number that can be replayed, under its own stream; null when none can. */
  readonly usableThrough: StreamNumber | null;
  /** Streams that began behind it and gave out no number yet. */
  readonly begun: readonly StreamId[];
  /** What the local copy needs again, in order; null when nothing. */
  readonly redo: Run | null;
  /** `torn`: only the last append was cut short. `unusable`: dirty regions took the place of records. */
  readonly condition: "whole" | "torn" | "unusable";
  /** Where the journal is to be cut: behind the last usable record. Null: at its very begin. */
  readonly truncateAt: Place | null;
  /** Numbers of the usable part whose local write had failed: the mirror is to get them as void. */
  readonly voids: readonly StreamNumber[];
  /** Whether dirty regions were noted. */
  readonly isDirty: boolean;
}

export class JournalRecovery {
  readonly #dirty: RegionSink;
  /** The streams, in the order of their turns. */
  readonly #streams: StreamId[] = [];
  readonly #runs: Run[] = [];
  readonly #voids = new Map<string, Position>();
  #run: Run | null = null;
  /** Whether the first run begins where the journal does. */
  #beginsWhole = false;
  /** The turn that the first run has reached, though its stream may have given out no number. */
  #usableTurn = 0;
  /** The highest number read in the present stream. */
  #last = 0;
  /** Where the parent of the present stream ended; null where no opening record told. */
  #began: Position | null = null;
  #stable: Position | null = null;
  /** Highest stable marks of streams that haven't begun yet, or were trimmed. */
  readonly #earlyStable = new Map<string, number>();
  #brokenAt: Place | null = null;
  #isStopped = false;
  #tornAt: Place | null = null;
  #isDirty = false;

  constructor(dirty: RegionSink) {
    this.#dirty = dirty;
  }

  /** Takes the next item of the journal, which begins at `place`; tells which case it was. */
  push(item: JournalItem, place: Place): RecoveryCase {
    const found = this.#classify(item);
    const { run, dirty } = RECOVERY_TABLE[found];
    if (run === "restart" || run === "end" || run === "stop") {
      this.#brokenAt ??= place;
      this.#run = null;
      this.#isStopped ||= run === "stop";
    }
    this.#note(item, found);
    if (dirty === "all") this.#markAll();
    else if (dirty === "range" || this.#brokenAt !== null) this.#markRange(item);
    if (found === "torn") this.#tornAt = place;
    return found;
  }

  /** The position that a whole record stands for, after `push` let it into a run; null outside of runs. */
  get position(): Position | null {
    return this.#run === null ? null : this.#run.end;
  }

  /** Whether anything was met that ends the part that can be replayed. */
  get isBroken(): boolean {
    return this.#brokenAt !== null;
  }

  /** Whether a record at `position` was made void by a later one. */
  isVoid(position: Position): boolean {
    return this.#voids.size > 0 && this.#voids.has(keyOf(position));
  }

  /** What to do, the whole journal having been read, which ends at `end`. */
  decide(end: Place): RecoveryOutcome {
    const stable = this.#stable;
    const first = this.#beginsWhole ? this.#runs[0] : undefined;
    // Neither journaled nor stable is what lies between the mark and the first record: nothing fits behind it.
    const isApart = first !== undefined && stable !== null && isBefore(stable, first.after);
    if (isApart) this.#markAll();
    const usable = first === undefined || isApart ? null : first;
    const isBroken = isApart || this.#brokenAt !== null;
    return {
      usableThrough: usable === null ? null : this.#streamNumber(usable.end),
      begun: usable === null ? [] : this.#streams.slice(usable.end.turn + 1, this.#usableTurn + 1),
      redo: this.#redo(usable, stable),
      condition: isBroken ? "unusable" : this.#tornAt !== null ? "torn" : "whole",
      truncateAt: isApart ? null : (this.#brokenAt ?? this.#tornAt ?? end),
      voids: [...this.#voids.values()]
        .filter((position) => usable !== null && !isBefore(usable.end, position))
        .map((position) => this.#streamNumber(position)),
      isDirty: this.#isDirty,
    };
  }

  #redo(usable: Run | null, stable: Position | null): Run | null {
    if (stable === null) return usable === null || !isFilled(usable) ? null : { ...usable };
    const run = this.#runs.find(
      ({ after, end }) => !isBefore(stable, after) && isBefore(stable, end),
    );
    return run === undefined ? null : { after: stable, end: run.end };
  }

  #classify(item: JournalItem): RecoveryCase {
    switch (item.is) {
      case "record":
        return this.#isStopped ? "behind" : this.#classifyRecord(item);
      case "open":
        if (this.#isStopped) return "behind";
        return this.#classifyOpen(item.step.parent, item.step.parentLast);
      case "damaged": {
        if (this.#isStopped) return "behind";
        const current = this.#streams.at(-1);
        return current && !sameStream(current, item.stream) ? "wrong-stream" : "damaged";
      }
      default:
        return item.is;
    }
  }

  #classifyRecord(item: RecordItem): RecoveryCase {
    const current = this.#streams.at(-1);
    if (current === undefined) return this.#brokenAt === null ? "next" : "resume";
    if (!sameStream(current, item.stream)) return "wrong-stream";
    if (item.isVoid && item.number <= this.#last) {
      const first = this.#runs.find((run) => run.end.turn === this.#turn)?.after;
      const isEarly = first?.turn === this.#turn && item.number <= first.number;
      return isEarly ? "void-early" : "void-known";
    }
    if (item.number <= this.#last) return "repeat";
    if (this.#run === null) return "resume";
    return item.number === this.#last + 1 ? "next" : "gap";
  }

  #classifyOpen(parent: string | null, parentLast: number): RecoveryCase {
    if (this.#run === null) return this.#isAtBegin ? "open-next" : "open-resume";
    const current = this.#streams[this.#turn] as StreamId;
    if (parent === formatStreamId(current)) {
      if (parentLast === this.#last) return "open-next";
      return parentLast > this.#last ? "open-ahead" : "open-wrong";
    }
    // A stream that never gave out a number is as if it had not begun.
    const end = this.#streamNumber(this.#run.end);
    const isSame = parent === formatStreamId(end.stream) && parentLast === end.number;
    return isSame && this.#last === 0 ? "open-next" : "open-wrong";
  }

  get #isAtBegin(): boolean {
    return this.#streams.length === 0 && this.#brokenAt === null;
  }

  get #turn(): number {
    return this.#streams.length - 1;
  }

  /** Moves the state on by an item. */
  #note(item: JournalItem, found: RecoveryCase): void {
    const isBegin = this.#isAtBegin;
    if (found === "next" || found === "gap" || found === "resume") {
      this.#noteRecord(item as RecordItem);
    } else if (found === "open-next" || found === "open-ahead" || found === "open-resume") {
      if (item.is === "open") this.#noteOpen(item.step);
    } else if (found === "void-known" && item.is === "record") {
      const position = { turn: this.#turn, number: item.number };
      this.#voids.set(keyOf(position), position);
    } else if (item.is === "stable") {
      this.#noteStable(item);
    } else if (found === "damaged" && item.is === "damaged") {
      if (this.#streams.length === 0) this.#beginStream(item.stream);
      this.#last = Math.max(this.#last, item.number);
    } else if (this.#isStopped && item.is !== "foreign") {
      this.#noteBehindStop(item);
    }
    if (isBegin && this.#run !== null) this.#beginsWhole = true;
    if (this.#brokenAt === null) this.#usableTurn = this.#turn;
  }

  #noteRecord(item: RecordItem): void {
    if (this.#streams.length === 0) this.#beginStream(item.stream);
    const end = { turn: this.#turn, number: item.number };
    this.#last = item.number;
    if (this.#run === null) {
      const before = { turn: this.#turn, number: item.number - 1 };
      this.#beginRun(item.number === 1 && this.#began !== null ? this.#began : before);
    }
    if (this.#run !== null) this.#run.end = end;
  }

  #noteOpen(step: { stream: string; parent: string | null; parentLast: number }): void {
    if (step.parent !== null && this.#turnOf(step.parent) < 0) {
      this.#beginStream(parseStreamId(step.parent));
    }
    const parentTurn = step.parent === null ? -1 : this.#turnOf(step.parent);
    // A parent that gave out no number began at the same moment.
    const isSameMoment = step.parentLast === 0 && parentTurn === this.#turn && this.#began !== null;
    if (!isSameMoment) {
      this.#began = parentTurn < 0 ? null : { turn: parentTurn, number: step.parentLast };
    }
    this.#beginStream(parseStreamId(step.stream));
    this.#last = 0;
    if (this.#run === null) this.#beginRun(this.#began ?? { turn: this.#turn, number: 0 });
  }

  #turnOf(stream: string): number {
    return this.#streams.findLastIndex((known) => formatStreamId(known) === stream);
  }

  /** Redoes nothing any more, but a stable mark of a stream that begins here says that all before it is stable. */
  #noteBehindStop(item: JournalItem): void {
    const stream =
      item.is === "open"
        ? parseStreamId(item.step.stream)
        : item.is === "record" || item.is === "damaged"
          ? item.stream
          : null;
    if (stream === null || this.#streams.some((known) => sameStream(known, stream))) return;
    this.#beginStream(stream);
  }

  #beginRun(after: Position): void {
    this.#run = { after, end: after };
    this.#runs.push(this.#run);
  }

  #beginStream(stream: StreamId): void {
    this.#streams.push(stream);
    const number = this.#earlyStable.get(formatStreamId(stream));
    if (number !== undefined) this.#noteStable({ stream, number });
  }

  #noteStable(mark: StreamNumber): void {
    const turn = this.#streams.findLastIndex((stream) => sameStream(stream, mark.stream));
    if (turn < 0) {
      const stream = formatStreamId(mark.stream);
      this.#earlyStable.set(stream, Math.max(mark.number, this.#earlyStable.get(stream) ?? 0));
      return;
    }
    const position = { turn, number: mark.number };
    if (this.#stable === null || isBefore(this.#stable, position)) this.#stable = position;
  }

  #streamNumber({ turn, number }: Position): StreamNumber {
    return { stream: this.#streams[turn] as StreamId, number };
  }

  #markRange(item: JournalItem): void {
    if ((item.is !== "record" && item.is !== "damaged") || item.length === 0) return;
    this.#dirty.setRange(item.offset, item.length);
    this.#isDirty = true;
  }

  #markAll(): void {
    this.#dirty.setAll();
    this.#isDirty = true;
  }
}

const keyOf = ({ turn, number }: Position) => `${turn}:${number}`;

function isFilled(run: Run): boolean {
  return isBefore(run.after, run.end);
}
