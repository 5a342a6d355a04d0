/**
 * VERIFY 10, 12 and 16 (SBC-3 sections 5.29 to 5.31): reads a range in bounded pieces, and compares it with data-out
 * when BYTCHK says so.
 */
import { type Operation, readUInt64 } from "./operation.ts";
import { checkRange } from "./read-write.ts";
import { senses } from "./sense.ts";
import type { Task } from "./task.ts";

/** Read ahead of a comparison, in bytes. */
const PIECE_BYTES = 1024 * 1024;

const PROTECT_MASK = 0xe0;
const BYTCHK_MASK = 0x06;
const BYTCHK_COMPARE = 0x02;

function verifyNext(task: Task): void {
  task.offset += task.length;
  task.length = Math.min(PIECE_BYTES, task.end - task.offset);
  if (task.length === 0) {
    task.finish();
    return;
  }
  task.buffer = Buffer.allocUnsafe(task.length);
  task.submit();
}

function comparePiece(task: Task): void {
  const expected = task.parameters as Buffer;
  const piece = task.buffer as Buffer;
  const at = task.cursor;
  if (piece.compare(expected, at, at + piece.length) !== 0) {
    task.fail(senses.miscompare);
    return;
  }
  task.cursor += piece.length;
  verifyNext(task);
}

function begin(task: Task): void {
  // The range begins at `offset`; nothing of it is done.
  task.length = 0;
  verifyNext(task);
}

function takeData(task: Task): void {
  task.parameters = task.buffer;
  task.cursor = 0;
  task.next = comparePiece;
  task.enter(begin);
}

function verify(task: Task, lba: number, blocks: number, flags: number): void {
  const check = flags & BYTCHK_MASK;
  if ((flags & PROTECT_MASK) !== 0 || (check !== 0 && check !== BYTCHK_COMPARE)) {
    task.fail(senses.invalidFieldInCdb);
    return;
  }
  if (!checkRange(task, lba, blocks)) return;
  const unit = task.target;
  task.op = "read";
  task.offset = lba * unit.blockBytes;
  task.end = task.offset + blocks * unit.blockBytes;
  if (blocks === 0) {
    task.finish();
    return;
  }
  if (check === BYTCHK_COMPARE) {
    task.receive(blocks * unit.blockBytes, takeData);
    return;
  }
  task.next = verifyNext;
  task.enter(begin);
}

export const verifyOperations: readonly Operation[] = [
  {
    run: (task, cdb, at) =>
      verify(task, cdb.readUInt32BE(at + 2), cdb.readUInt16BE(at + 7), cdb[at + 1] as number),
    usage: [0x2f, 0xf6, 255, 255, 255, 255, 0x1f, 255, 255, 0x07],
  },
  {
    run: (task, cdb, at) =>
      verify(task, cdb.readUInt32BE(at + 2), cdb.readUInt32BE(at + 6), cdb[at + 1] as number),
    usage: [0xaf, 0xf6, 255, 255, 255, 255, 255, 255, 255, 255, 0x1f, 0x07],
  },
  {
    run: (task, cdb, at) =>
      verify(task, readUInt64(cdb, at + 2), cdb.readUInt32BE(at + 10), cdb[at + 1] as number),
    usage: [0x8f, 0xf6, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0x1f, 0x07],
  },
];
