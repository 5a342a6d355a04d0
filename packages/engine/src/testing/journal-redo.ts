/**
 * What a start makes of a journal in memory: the rules of production (`JournalRecovery`) decide what is usable, and that
 * is redone on the disk.
 */

import type { JournalItem } from "../journal/record.ts";
import { isWithin, JournalRecovery } from "../journal/recovery.ts";
import type { LunMark } from "../lun/mark.ts";
import type { RecoveredNumbers } from "../lun/mirrored-lun.ts";
import { FrameKind, HEADER_BYTES } from "../wire/frame.ts";
import { formatStreamId, parseStreamId } from "../wire/stream-id.ts";
import { decodePayload, OpenPayload } from "../wire/stream-open.ts";
import type { MemoryDisk } from "./memory-disk.ts";
import type { MemoryJournal, MemoryRecord } from "./memory-journal.ts";

const nothing = { setRange: () => undefined, setAll: () => undefined };

/** Redoes it, or returns null where it is not usable. */
export function redoJournal(
  { records }: MemoryJournal,
  disk: MemoryDisk,
  mark: LunMark,
): RecoveredNumbers | null {
  const recovery = new JournalRecovery(nothing);
  const placeOf = (offset: number) => ({ segment: 0, offset });
  for (const [index, record] of records.entries()) recovery.push(itemOf(record), placeOf(index));
  const { usableThrough, begun, redo, condition, voids } = recovery.decide(placeOf(records.length));
  const marked = mark.lineage.at(-1)?.stream;
  let last = mark.last;
  if (usableThrough !== null) {
    const isAtEnd = formatStreamId(usableThrough.stream) === marked;
    if (!isAtEnd && !begun.some((stream) => formatStreamId(stream) === marked)) return null;
    last = isAtEnd ? usableThrough.number : 0;
  }
  if (condition === "unusable" || last < mark.last) return null;
  const again = new JournalRecovery(nothing);
  for (const [index, record] of records.entries()) {
    const found = again.push(itemOf(record), placeOf(index));
    const { position } = again;
    if (found !== "next" || position === null || redo === null) continue;
    if (isWithin(redo, position) && !recovery.isVoid(position)) redoOne(record, disk);
  }
  disk.makeStable();
  const named = voids.map(({ stream, number }) => ({ stream: formatStreamId(stream), number }));
  return { last, voids: named };
}

function itemOf({ stream, header, bytes }: MemoryRecord): JournalItem {
  if (header.kind === FrameKind.open) {
    const payload = decodePayload(OpenPayload, bytes.subarray(HEADER_BYTES));
    return payload === null ? { is: "foreign" } : { is: "open", step: payload.step };
  }
  const { number, offset, length, kind } = header;
  const isVoid = kind === FrameKind.void;
  return { is: "record", stream: parseStreamId(stream), number, offset, length, isVoid };
}

function redoOne({ header, bytes }: MemoryRecord, disk: MemoryDisk): void {
  const { kind, offset, length } = header;
  const range = { offset, length, fua: false };
  if (kind === FrameKind.write) {
    disk.redo({ ...range, op: "write", buffer: bytes.subarray(HEADER_BYTES) });
  } else if (kind === FrameKind.unmap || kind === FrameKind.zero) {
    disk.redo({ ...range, op: "unmap", buffer: null });
  }
}
