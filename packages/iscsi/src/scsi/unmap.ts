/** UNMAP (SBC-3 section 5.28): a list of ranges, given back one after another. */
import { type Operation, readUInt64 } from "./operation.ts";
import { senses } from "./sense.ts";
import type { Task } from "./task.ts";

/** Limits shown in the Block Limits page: blocks and ranges of one command. */
export const MAX_UNMAP_BLOCKS = 1_048_576;
export const MAX_UNMAP_DESCRIPTORS = 256;

const HEAD_BYTES = 8;
const DESCRIPTOR_BYTES = 16;

/** Unmaps the range at `cursor` of the parameter list, skipping empty ones. */
function unmapNext(task: Task): void {
  const list = task.parameters as Buffer;
  while (task.cursor < task.end) {
    const at = task.cursor;
    task.cursor += DESCRIPTOR_BYTES;
    const blocks = list.readUInt32BE(at + 8);
    if (blocks === 0) continue;
    const blockBytes = task.target.blockBytes;
    task.offset = readUInt64(list, at) * blockBytes;
    task.length = blocks * blockBytes;
    task.submit();
    return;
  }
  task.finish();
}

function takeList(task: Task): void {
  const list = task.buffer as Buffer;
  const unit = task.target;
  const descriptorBytes = Math.min(list.readUInt16BE(2), list.length - HEAD_BYTES);
  const count = Math.floor(descriptorBytes / DESCRIPTOR_BYTES);
  if (count > MAX_UNMAP_DESCRIPTORS) {
    task.fail(senses.invalidFieldInParameters);
    return;
  }
  let total = 0;
  for (let i = 0; i < count; i++) {
    const at = HEAD_BYTES + i * DESCRIPTOR_BYTES;
    const blocks = list.readUInt32BE(at + 8);
    total += blocks;
    if (readUInt64(list, at) + blocks > unit.blocks) {
      task.fail(senses.lbaOutOfRange);
      return;
    }
  }
  if (total > MAX_UNMAP_BLOCKS) {
    task.fail(senses.invalidFieldInParameters);
    return;
  }
  task.parameters = list;
  task.buffer = null;
  task.op = "unmap";
  task.fua = !unit.logical.writeCache;
  task.cursor = HEAD_BYTES;
  task.end = HEAD_BYTES + count * DESCRIPTOR_BYTES;
  task.next = unmapNext;
  task.enter(unmapNext);
}

function unmap(task: Task, cdb: Buffer, at: number): void {
  const anchor = ((cdb[at + 1] as number) & 0x01) !== 0;
  const length = cdb.readUInt16BE(at + 7);
  if (anchor) task.fail(senses.invalidFieldInCdb);
  else if (length === 0) task.finish();
  else if (length < HEAD_BYTES) task.fail(senses.parameterListLength);
  else task.receive(length, takeList);
}

export const unmapOperations: readonly Operation[] = [
  { run: unmap, usage: [0x42, 0, 0, 0, 0, 0, 0x1f, 0xff, 0xff, 0x07] },
];
