/**
 * READ and WRITE in their 6, 10, 12 and 16-byte forms (SBC-3 section 5). A read goes from the device straight into the
 * buffer that is sent; a write's data is given to the device in the buffer it was received in.
 */
import { type Command, MAX_TRANSFER_BLOCKS, type Operation, readUInt64 } from "./operation.ts";
import { senses } from "./sense.ts";
import { finish, submit, type Task } from "./task.ts";

const PROTECT_MASK = 0xe0;
const FUA = 0x08;

function sendRead(task: Task): void {
  task.sendBytes = Math.min(task.length, task.expectedIn);
  task.finish();
}

function readAfterFlush(task: Task): void {
  task.op = "read";
  task.next = sendRead;
  task.submit();
}

function flushThenRead(task: Task): void {
  // FUA on a read: what lies in a volatile cache must be on the medium first (SBC-3 section 5.8).
  task.op = "flush";
  task.next = readAfterFlush;
  task.submit();
}

function enterWrite(task: Task): void {
  task.enter(submit);
}

/** Whether the range is one that a command may transfer; ends the task with the sense if not. */
export function checkRange(task: Task, lba: number, blocks: number): boolean {
  if (lba + blocks > task.target.blocks) {
    task.fail(senses.lbaOutOfRange);
    return false;
  }
  if (blocks > MAX_TRANSFER_BLOCKS) {
    task.fail(senses.invalidFieldInCdb);
    return false;
  }
  return true;
}

function read(task: Task, lba: number, blocks: number, flags: number): void {
  if ((flags & PROTECT_MASK) !== 0) {
    task.fail(senses.invalidFieldInCdb);
    return;
  }
  if (!checkRange(task, lba, blocks)) return;
  const unit = task.target;
  const length = blocks * unit.blockBytes;
  task.transferBytes = length;
  if (length === 0 || task.expectedIn === 0) {
    task.finish();
    return;
  }
  task.op = "read";
  task.offset = lba * unit.blockBytes;
  task.length = length;
  task.nexus.reserve(task, length);
  if ((flags & FUA) !== 0 && unit.logical.writeCache) {
    task.enter(flushThenRead);
    return;
  }
  task.next = sendRead;
  task.enter(submit);
}

function write(task: Task, lba: number, blocks: number, flags: number): void {
  if ((flags & PROTECT_MASK) !== 0) {
    task.fail(senses.invalidFieldInCdb);
    return;
  }
  if (!checkRange(task, lba, blocks)) return;
  const unit = task.target;
  const length = blocks * unit.blockBytes;
  const expected = task.expectedOut;
  if (expected < length && expected % unit.blockBytes !== 0) {
    task.fail(senses.invalidFieldInInformationUnit, length);
    return;
  }
  // Of a write that the initiator expects to be shorter, the blocks that come are written; the residual says the rest.
  task.length = Math.min(length, expected);
  task.transferBytes = length;
  if (task.length === 0) {
    task.finish();
    return;
  }
  task.op = "write";
  task.offset = lba * unit.blockBytes;
  task.fua = (flags & FUA) !== 0 || !unit.logical.writeCache;
  task.next = finish;
  task.receive(task.length, enterWrite);
}

type Transfer = (task: Task, lba: number, blocks: number, flags: number) => void;

const form6 =
  (transfer: Transfer): Command =>
  (task, cdb, at) =>
    transfer(task, cdb.readUInt32BE(at) & 0x1f_ffff, (cdb[at + 4] as number) || 256, 0);

const form10 =
  (transfer: Transfer): Command =>
  (task, cdb, at) =>
    transfer(task, cdb.readUInt32BE(at + 2), cdb.readUInt16BE(at + 7), cdb[at + 1] as number);

const form12 =
  (transfer: Transfer): Command =>
  (task, cdb, at) =>
    transfer(task, cdb.readUInt32BE(at + 2), cdb.readUInt32BE(at + 6), cdb[at + 1] as number);

const form16 =
  (transfer: Transfer): Command =>
  (task, cdb, at) =>
    transfer(task, readUInt64(cdb, at + 2), cdb.readUInt32BE(at + 10), cdb[at + 1] as number);

const usage6 = (opcode: number) => [opcode, 0x1f, 0xff, 0xff, 0xff, 0x07];
const usage10 = (opcode: number) => [opcode, 0xf8, 255, 255, 255, 255, 0x1f, 255, 255, 0x07];
const usage12 = (opcode: number) => [
  ...[opcode, 0xf8, 255, 255, 255, 255],
  ...[255, 255, 255, 255, 0x1f, 0x07],
];
const usage16 = (opcode: number) => [
  ...[opcode, 0xf8, 255, 255, 255, 255, 255, 255],
  ...[255, 255, 255, 255, 255, 255, 0x1f, 0x07],
];

export const readWriteOperations: readonly Operation[] = [
  { run: form6(read), usage: usage6(0x08) },
  { run: form6(write), usage: usage6(0x0a) },
  { run: form10(read), usage: usage10(0x28) },
  { run: form10(write), usage: usage10(0x2a) },
  { run: form12(read), usage: usage12(0xa8) },
  { run: form12(write), usage: usage12(0xaa) },
  { run: form16(read), usage: usage16(0x88) },
  { run: form16(write), usage: usage16(0x8a) },
];
