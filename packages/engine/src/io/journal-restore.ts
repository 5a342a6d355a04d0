/**
 * What a start of the data path makes of a journal as long as the mark of SPEC R1 stands in for dirty regions: all of
 * it is usable, but for a torn last record, and then it is redone on the local copy and gone on with; or it is to be
 * dropped, and the LUN copied in full.
 */
import type { BlockDevice, BlockError, BlockOperation } from "@lockstep/block";
import type { RecoveryOutcome, RegionSink, StreamNumber } from "../journal/recovery.ts";
import { type FrameHeader, FrameKind } from "../wire/frame.ts";
import { formatStreamId } from "../wire/stream-id.ts";
import { JournalFile, type JournalOptions } from "./journal-file.ts";
import { type Redo, recoverJournal } from "./journal-recovery.ts";

export interface RestoreOptions extends JournalOptions {
  /** UUID of the LUN. */
  readonly lun: string;
}

/** What the mark says of the newest stream. */
export interface MarkedStream {
  readonly stream: string;
  /** The last number when the mark was written. */
  readonly last: number;
}

export type RestoredJournal =
  | {
      readonly usable: true;
      readonly journal: JournalFile;
      /** The last one of the marked stream. */
      readonly lastNumber: number;
      /** Numbers to be sent as void: their local write had failed (SPEC W3). */
      readonly voids: readonly StreamNumber[];
    }
  /** To be dropped once the mark says so, stable; refuses everything until then. `why` is a clause for people. */
  | { readonly usable: false; readonly journal: JournalFile; readonly why: string };

const noRegions: RegionSink = { setRange: () => undefined, setAll: () => undefined };

function carryOut(
  device: BlockDevice,
  op: BlockOperation,
  offset: number,
  length: number,
  buffer: Buffer | null,
): Promise<BlockError | null> {
  return new Promise((complete) => {
    device.submit({ op, offset, length, buffer, fua: false, complete });
  });
}

const opOf: Readonly<Partial<Record<number, BlockOperation>>> = {
  [FrameKind.write]: "write",
  [FrameKind.zero]: "zero",
  [FrameKind.unmap]: "unmap",
};

class LocalCopyFailed extends Error {}

/** Redoes records on the local copy; throws `LocalCopyFailed`. */
function redoOn(device: BlockDevice): Redo {
  return async ({ kind, offset, length }: FrameHeader, payload: Buffer) => {
    const op = opOf[kind];
    if (op === undefined) throw new Error(`a record of kind ${kind} can't be redone`);
    const error = await carryOut(device, op, offset, length, op === "write" ? payload : null);
    if (error === null) return;
    throw new LocalCopyFailed(`${op} at ${offset}: ${error.code} (${error.detail})`);
  };
}

/** The last number of the marked stream, or why the journal doesn't tell. */
function lastNumber(outcome: RecoveryOutcome, marked: MarkedStream): number | string {
  const { usableThrough, begun, condition } = outcome;
  if (condition === "unusable") return "records of the journal are damaged or missing";
  if (usableThrough === null) return marked.last;
  const isAtEnd = formatStreamId(usableThrough.stream) === marked.stream;
  if (!isAtEnd && !begun.some((stream) => formatStreamId(stream) === marked.stream)) {
    return "the journal and the mark are of different streams";
  }
  const last = isAtEnd ? usableThrough.number : 0;
  return last >= marked.last ? last : "the journal ends before the mark";
}

/** Recovers the journal in a folder onto the local copy, which is stable when this returns. */
export async function restoreJournal(
  options: RestoreOptions,
  device: BlockDevice,
  marked: MarkedStream,
): Promise<RestoredJournal> {
  const giveUp = (why: string): RestoredJournal => {
    return { usable: false, journal: JournalFile.unusable(options), why };
  };
  try {
    const redo = redoOn(device);
    const { outcome, open } = await recoverJournal({ ...options, dirty: noRegions }, redo);
    const last = lastNumber(outcome, marked);
    if (typeof last === "string") return giveUp(last);
    const error = await carryOut(device, "flush", 0, 0, null);
    if (error !== null) return giveUp(`the local copy could not be flushed: ${error.detail}`);
    return { usable: true, journal: open(), lastNumber: last, voids: outcome.voids };
  } catch (thrown) {
    if (thrown instanceof LocalCopyFailed) return giveUp(`redoing failed: ${thrown.message}`);
    throw thrown;
  }
}
