/** READ CAPACITY 10 and 16, and GET LBA STATUS (SBC-3 sections 5.16, 5.17, 5.4). */
import { LOGICAL_BLOCK_BYTES, PHYSICAL_BLOCK_BYTES } from "@lockstep/model";
import { type Operation, readUInt64 } from "./operation.ts";
import { senses } from "./sense.ts";
import type { Task } from "./task.ts";

const PHYSICAL_EXPONENT = Math.log2(PHYSICAL_BLOCK_BYTES / LOGICAL_BLOCK_BYTES);
/** READ CAPACITY(10) says this when the last block's address does not fit: ask with 16 bytes. */
const TOO_LARGE = 0xffff_ffff;

function readCapacity10(task: Task, cdb: Buffer, at: number): void {
  const unit = task.target;
  const partial = ((cdb[at + 8] as number) & 0x01) !== 0;
  if (partial || cdb.readUInt32BE(at + 2) !== 0) {
    task.fail(senses.invalidFieldInCdb);
    return;
  }
  const data = Buffer.alloc(8);
  data.writeUInt32BE(Math.min(unit.blocks - 1, TOO_LARGE), 0);
  data.writeUInt32BE(unit.blockBytes, 4);
  task.reply(data, data.length);
}

function readCapacity16(task: Task, cdb: Buffer, at: number): void {
  const unit = task.target;
  const data = Buffer.alloc(32);
  data.writeBigUInt64BE(BigInt(unit.blocks - 1), 0);
  data.writeUInt32BE(unit.blockBytes, 8);
  data[13] = PHYSICAL_EXPONENT;
  // LBPME and LBPRZ: unmapped blocks exist, and read as zeroes.
  data[14] = 0xc0;
  task.reply(data, cdb.readUInt32BE(at + 10));
}

const MAPPED = 0;
const DEALLOCATED = 1;
/** Descriptors in one answer. */
const MAX_EXTENTS = 1024;

function lbaStatus(task: Task, cdb: Buffer, at: number): void {
  const unit = task.target;
  const allocationLength = cdb.readUInt32BE(at + 10);
  let lba = readUInt64(cdb, at + 2);
  if (lba >= unit.blocks) {
    task.fail(senses.lbaOutOfRange);
    return;
  }
  const descriptors: Buffer[] = [];
  const room = Math.min(MAX_EXTENTS, Math.max(1, Math.floor((allocationLength - 8) / 16)));
  while (lba < unit.blocks && descriptors.length < room) {
    const extent = unit.device.extentAt(lba * unit.blockBytes);
    const end = Math.ceil((extent.offset + extent.length) / unit.blockBytes);
    const blocks = Math.min(end - lba, 0xffff_ffff);
    const descriptor = Buffer.alloc(16);
    descriptor.writeBigUInt64BE(BigInt(lba), 0);
    descriptor.writeUInt32BE(blocks, 8);
    descriptor[12] = extent.data ? MAPPED : DEALLOCATED;
    descriptors.push(descriptor);
    lba += blocks;
  }
  const head = Buffer.alloc(8);
  head.writeUInt32BE(4 + 16 * descriptors.length, 0);
  task.reply(Buffer.concat([head, ...descriptors]), allocationLength);
}

export const capacityOperations: readonly Operation[] = [
  { run: readCapacity10, usage: [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0x07] },
];

const serviceAction16 = (action: number, lba: number) => [
  ...[0x9e, action, lba, lba, lba, lba, lba, lba, lba, lba],
  ...[255, 255, 255, 255, 0, 0x07],
];

/** SERVICE ACTION IN(16), by service action. */
export const serviceActionsIn16: ReadonlyMap<number, Operation> = new Map([
  [0x10, { run: readCapacity16, usage: serviceAction16(0x10, 0) }],
  [0x12, { run: lbaStatus, usage: serviceAction16(0x12, 255) }],
]);
