/** Journal records for tests: small, deterministic, and recognisable by their number. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { LunJournal } from "../../lun/ports.ts";
import { encodeFrame, FrameKind, lunBytes } from "../../wire/frame.ts";
import { formatStreamId, type StreamId } from "../../wire/stream-id.ts";
import { encodePayload } from "../../wire/stream-open.ts";

export const LUN = "11111111-2222-3333-4444-555555555555";
export const STREAM_A: StreamId = { hi: 0xa0, lo: 1 };
export const STREAM_B: StreamId = { hi: 0xb0, lo: 2 };
const lun = lunBytes(LUN);

export function makeJournalFolder(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), "lockstep-journal-"));
}

export function dataOf(number: number, length: number): Buffer {
  const data = Buffer.alloc(length, number & 0xff);
  if (length >= 4) data.writeUInt32LE(number, 0);
  return data;
}

export function writeRecord(stream: StreamId, number: number, length = 512): Buffer {
  const data = dataOf(number, length);
  return encodeFrame(FrameKind.write, lun, stream, number, number * 4096, length, data);
}

export function markRecord(
  kind: typeof FrameKind.void | typeof FrameKind.stable | typeof FrameKind.flush,
  stream: StreamId,
  number: number,
): Buffer {
  return encodeFrame(kind, lun, stream, number, 0, 0, null);
}

export function openRecord(stream: StreamId, parent: StreamId, parentLast: number): Buffer {
  const step = { stream: formatStreamId(stream), parent: formatStreamId(parent), parentLast };
  const payload = encodePayload({ step, sizeBytes: 2 ** 20 });
  return encodeFrame(FrameKind.open, lun, stream, 0, 0, 0, payload);
}

/** Appends writes `first` to `last`, one by one; throws where one is refused. */
export function appendWrites(
  journal: LunJournal,
  stream: StreamId,
  first: number,
  last: number,
  length = 512,
): void {
  for (let number = first; number <= last; number++) {
    const record = writeRecord(stream, number, length);
    const error = journal.append([record], number, number, 1, record.length);
    if (error !== null) throw new Error(`append of ${number}: ${error}`);
  }
}

/** Appends a record that is no request. */
export function appendMark(journal: LunJournal, record: Buffer, number = 0): void {
  const error = journal.append([record], number, number, 0, record.length);
  if (error !== null) throw new Error(error);
}
