/**
 * Recovers a LUN's journal after a start (SPEC O3): reads it once to decide, once more to redo what the local copy
 * needs, and changes nothing until `open` cuts off what is not usable. Segments are read in chunks: a journal may be
 * many times larger than memory.
 */
import fs from "node:fs";
import { JournalLedger } from "../journal/ledger.ts";
import type { Place } from "../journal/record.ts";
import {
  isWithin,
  JournalRecovery,
  type RecoveryCase,
  type RecoveryOutcome,
  type RegionSink,
  type Run,
} from "../journal/recovery.ts";
import { type FrameHeader, FrameKind, lunBytes } from "../wire/frame.ts";
import { JournalFile, type JournalOptions, makeFolder, syncFolder } from "./journal-file.ts";
import { type Scanned, scanSegment } from "./journal-scan.ts";
import { JournalSegment, type SegmentEnd, segmentNumbers, segmentPath } from "./journal-segment.ts";

export interface RecoveryOptions extends JournalOptions {
  /** UUID: records of another LUN are not usable. */
  readonly lun: string;
  /** Gets the regions that become dirty in the place of records. */
  readonly dirty: RegionSink;
}

/** Carries out a record on the local copy. Both arguments are valid until it has ended. */
export type Redo = (header: FrameHeader, payload: Buffer) => void | Promise<void>;

export interface RecoveredJournal {
  readonly outcome: RecoveryOutcome;
  /**
   * The journal, cut behind its last usable record, stable. To be called once what `outcome` makes dirty is stable,
   * and before a stream begins.
   */
  open(): JournalFile;
}

const noRegions: RegionSink = { setRange: () => undefined, setAll: () => undefined };

interface Found {
  readonly sequence: number;
  readonly path: string;
  readonly size: number;
}

function segmentsIn(folder: string): Found[] {
  return segmentNumbers(folder).map((sequence) => {
    const path = segmentPath(folder, sequence);
    return { sequence, path, size: fs.statSync(path).size };
  });
}

type Visit = (scanned: Scanned, found: RecoveryCase, segment: Found) => boolean | Promise<boolean>;

/** Feeds all items to `recovery`, in order; `visit` sees each, and ends the walk by returning false. */
async function walk(
  segments: readonly Found[],
  lun: Buffer,
  recovery: JournalRecovery,
  visit: Visit,
): Promise<Place> {
  let end: Place = { segment: segments[0]?.sequence ?? 0, offset: 0 };
  for (const [index, segment] of segments.entries()) {
    const { sequence, path, size } = segment;
    const before = segments[index - 1];
    if (before !== undefined && sequence !== before.sequence + 1) {
      recovery.push({ is: "unreadable" }, end);
    }
    const isLast = index === segments.length - 1;
    for await (const scanned of scanSegment(path, size, isLast, lun)) {
      const found = recovery.push(scanned.item, { segment: sequence, offset: scanned.offset });
      const goesOn = visit(scanned, found, segment);
      if (goesOn !== true && !(await goesOn)) return end;
    }
    end = { segment: sequence, offset: size };
  }
  return end;
}

const changing: ReadonlySet<number> = new Set([FrameKind.write, FrameKind.zero, FrameKind.unmap]);

/** Reads the journal in a folder, and carries out on the local copy what it needs. */
export async function recoverJournal(
  options: RecoveryOptions,
  redo: Redo,
): Promise<RecoveredJournal> {
  makeFolder(options.folder);
  const lun = lunBytes(options.lun);
  const segments = segmentsIn(options.folder);
  const recovery = new JournalRecovery(options.dirty);
  const kept = new KeptSegments(options.folder);
  const end = await walk(segments, lun, recovery, (scanned, found, segment) => {
    if (!recovery.isBroken && scanned.bytes > 0) kept.add(segment.sequence, scanned, found);
    return true;
  });
  const outcome = recovery.decide(end);
  if (outcome.redo !== null) await redoRun(segments, lun, outcome.redo, recovery, redo);
  return { outcome, open: () => open(options, segments, outcome, kept) };
}

async function redoRun(
  segments: readonly Found[],
  lun: Buffer,
  run: Run,
  decided: JournalRecovery,
  redo: Redo,
): Promise<void> {
  const again = new JournalRecovery(noRegions);
  await walk(segments, lun, again, ({ item, header, payload }, found) => {
    const { position } = again;
    if (item.is !== "record" || position === null || !isRecordCase(found)) return true;
    if (!isWithin(run, position)) return true;
    const goesOn = position.turn !== run.end.turn || position.number !== run.end.number;
    if (!changing.has(header.kind) || decided.isVoid(position)) return goesOn;
    const done = redo(header, payload);
    return done === undefined ? goesOn : done.then(() => goesOn);
  });
}

const isRecordCase = (found: RecoveryCase) =>
  found === "next" || found === "gap" || found === "resume";

/** Counts the usable part, as `JournalFile` did when it was appended. */
class KeptSegments {
  readonly #folder: string;
  readonly ledger = new JournalLedger();
  stable: SegmentEnd | null = null;
  readonly segments: JournalSegment[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  add(sequence: number, { item, header, bytes }: Scanned, found: RecoveryCase): void {
    let segment = this.segments.at(-1);
    if (segment?.sequence !== sequence) {
      segment = JournalSegment.found(this.#folder, sequence, 0);
      this.segments.push(segment);
    }
    segment.size += bytes;
    const { ledger } = this;
    if (item.is === "stable") {
      this.stable = { turn: ledger.turnOf(header.streamHi, header.streamLo), number: item.number };
      ledger.count(0, 0, bytes);
      return;
    }
    const requests = isRecordCase(found) ? 1 : 0;
    ledger.append(header.streamHi, header.streamLo, header.number, requests, bytes);
    const { end } = segment;
    const isSame = end.turn === ledger.turn;
    end.number = isSame ? Math.max(end.number, header.number) : header.number;
    end.turn = ledger.turn;
  }
}

function open(
  options: RecoveryOptions,
  found: readonly Found[],
  outcome: RecoveryOutcome,
  kept: KeptSegments,
): JournalFile {
  const cut = outcome.truncateAt;
  if (cut === null || kept.segments.length === 0) return JournalFile.fresh(options);
  for (const { sequence } of found) {
    if (kept.segments.some((segment) => segment.sequence === sequence)) continue;
    JournalSegment.found(options.folder, sequence, 0).remove();
  }
  for (const segment of kept.segments) {
    if (found.find(({ sequence }) => sequence === segment.sequence)?.size === segment.size)
      continue;
    segment.hold();
    segment.cut(segment.size);
    segment.release();
  }
  syncFolder(options.folder);
  const next = (found.at(-1)?.sequence ?? 0) + 1;
  return JournalFile.continued(options, kept, next);
}
