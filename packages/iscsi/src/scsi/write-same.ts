/**
 * WRITE SAME 10 and 16 (SBC-3 sections 5.43, 5.44): one block over a range. Zeroes become a range without data, given
 * back when UNMAP is asked for; any other pattern is written in bounded pieces, one after another.
 */
import { type Operation, readUInt64 } from "./operation.ts";
import { senses } from "./sense.ts";
import { finish, submit, type Task } from "./task.ts";

/** The limit shown in the Block Limits page: 8 MiB, as much as one can read back at once. */
export const MAX_WRITE_SAME_BLOCKS = 16_384;
/** A pattern is laid out this far ahead, in bytes. */
const PIECE_BYTES = 1024 * 1024;

const PROTECT_MASK = 0xe0;
const ANCHOR = 0x10;
const UNMAP = 0x08;
/** PBDATA and LBDATA: obsolete, each block would differ. */
const OBSOLETE = 0x06;
const NO_DATA_OUT = 0x01;

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Writes the next piece. The device keeps the pattern's buffer, and never sees it change. */
function writeNext(task: Task): void {
  const pattern = task.parameters as Buffer;
  const left = task.end - task.cursor;
  if (left === 0) {
    task.finish();
    return;
  }
  task.offset = task.cursor;
  task.length = Math.min(left, pattern.length);
  task.buffer = task.length === pattern.length ? pattern : pattern.subarray(0, task.length);
  task.cursor += task.length;
  task.submit();
}

function takeBlock(task: Task): void {
  const block = task.buffer as Buffer;
  if (isZero(block)) {
    enterRange(task);
    return;
  }
  const range = task.end - task.cursor;
  task.parameters = Buffer.alloc(Math.min(range, PIECE_BYTES), block);
  task.op = "write";
  task.next = writeNext;
  task.enter(writeNext);
}

function enterRange(task: Task): void {
  task.buffer = null;
  task.offset = task.cursor;
  task.length = task.end - task.cursor;
  task.next = finish;
  task.enter(submit);
}

function writeSame(task: Task, lba: number, blocks: number, flags: number, long: boolean): void {
  const unit = task.target;
  const wrong = PROTECT_MASK | ANCHOR | OBSOLETE | (long ? 0 : NO_DATA_OUT);
  // Zero blocks would mean "to the end": WSNZ in the Block Limits page says that this is not done.
  if ((flags & wrong) !== 0 || blocks === 0 || blocks > MAX_WRITE_SAME_BLOCKS) {
    task.fail(senses.invalidFieldInCdb);
    return;
  }
  if (lba + blocks > unit.blocks) {
    task.fail(senses.lbaOutOfRange);
    return;
  }
  task.op = (flags & UNMAP) !== 0 ? "unmap" : "zero";
  task.fua = !unit.logical.writeCache;
  task.cursor = lba * unit.blockBytes;
  task.end = task.cursor + blocks * unit.blockBytes;
  if ((flags & NO_DATA_OUT) !== 0) enterRange(task);
  else if (task.expectedOut !== unit.blockBytes) task.fail(senses.invalidFieldInCdb);
  else task.receive(unit.blockBytes, takeBlock);
}

export const writeSameOperations: readonly Operation[] = [
  {
    run: (task, cdb, at) => {
      const flags = cdb[at + 1] as number;
      writeSame(task, cdb.readUInt32BE(at + 2), cdb.readUInt16BE(at + 7), flags, false);
    },
    usage: [0x41, 0xf8, 255, 255, 255, 255, 0x1f, 255, 255, 0x07],
  },
  {
    run: (task, cdb, at) => {
      const flags = cdb[at + 1] as number;
      writeSame(task, readUInt64(cdb, at + 2), cdb.readUInt32BE(at + 10), flags, true);
    },
    usage: [0x93, 0xf9, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0x1f, 0x07],
  },
];
