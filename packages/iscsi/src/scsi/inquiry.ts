/** INQUIRY (SPC-4 section 6.6): standard data, and the vital product data pages by way of `vpd.ts`. */
import type { Operation } from "./operation.ts";
import { senses } from "./sense.ts";
import type { Task } from "./task.ts";
import { VENDOR } from "./vendor.ts";
import { vitalProductData } from "./vpd.ts";

const PRODUCT = "MIRRORED-LUN";
const REVISION = "1";

/** A direct access block device that is there, or "no unit can be there" (qualifier 3, type 1Fh). */
const PRESENT = 0x00;
const ABSENT = 0x7f;
/** SAM-5, iSCSI, SPC-4, SBC-3, without claiming a version of them. */
const VERSION_DESCRIPTORS = [0x00a0, 0x0960, 0x0460, 0x04c0];

function standardData(present: boolean): Buffer {
  const data = Buffer.alloc(96);
  data[0] = present ? PRESENT : ABSENT;
  data[2] = 0x06;
  // HiSup (hierarchical LUN addressing) and response data format 2.
  data[3] = 0x12;
  data[4] = data.length - 5;
  // CmdQue.
  data[7] = 0x02;
  data.write(VENDOR.padEnd(8), 8, "latin1");
  data.write(PRODUCT.padEnd(16), 16, "latin1");
  data.write(REVISION.padEnd(4), 32, "latin1");
  VERSION_DESCRIPTORS.forEach((descriptor, i) => {
    data.writeUInt16BE(descriptor, 58 + 2 * i);
  });
  return data;
}

function inquiry(task: Task, cdb: Buffer, at: number): void {
  const flags = cdb[at + 1] as number;
  const page = cdb[at + 2] as number;
  const allocationLength = cdb.readUInt16BE(at + 3);
  const isVital = (flags & 0x01) !== 0;
  if ((flags & 0x02) !== 0 || (!isVital && page !== 0)) {
    task.fail(senses.invalidFieldInCdb);
    return;
  }
  if (!isVital) {
    task.reply(standardData(task.unit !== null), allocationLength);
    return;
  }
  const data = task.unit ? vitalProductData(task.unit, page) : null;
  if (data) task.reply(data, allocationLength);
  else task.fail(task.unit ? senses.invalidFieldInCdb : senses.unitNotSupported);
}

export const inquiryOperations: readonly Operation[] = [
  { run: inquiry, usage: [0x12, 0x01, 0xff, 0xff, 0xff, 0x07], anyUnit: true },
];
