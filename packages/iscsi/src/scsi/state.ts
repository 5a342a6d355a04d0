/** TEST UNIT READY, REQUEST SENSE and START STOP UNIT (SPC-4 sections 6.47, 6.39; SBC-3 section 5.24). */
import type { Operation } from "./operation.ts";
import { SENSE_BYTES, senses, writeSense } from "./sense.ts";
import { finish, type Task } from "./task.ts";

function requestSense(task: Task, cdb: Buffer, at: number): void {
  // Descriptor format is not supported.
  if (((cdb[at + 1] as number) & 0x01) !== 0) {
    task.fail(senses.invalidFieldInCdb);
    return;
  }
  const absent = task.unit ? senses.none : senses.unitNotSupported;
  const data = Buffer.alloc(SENSE_BYTES);
  writeSense(data, 0, task.nexus.takeAttention(task.unit) ?? absent);
  task.reply(data, cdb[at + 4] as number);
}

/** A unit is always started; what would stop it or move its medium is refused. */
function startStopUnit(task: Task, cdb: Buffer, at: number): void {
  const byte4 = cdb[at + 4] as number;
  const powerCondition = byte4 >> 4;
  const loadEject = (byte4 & 0x02) !== 0;
  const start = (byte4 & 0x01) !== 0;
  if (powerCondition === 0 && !loadEject && start) task.finish();
  else task.fail(senses.invalidFieldInCdb);
}

export const stateOperations: readonly Operation[] = [
  { run: finish, usage: [0x00, 0, 0, 0, 0, 0x07] },
  { run: requestSense, usage: [0x03, 0x01, 0, 0, 0xff, 0x07], anyUnit: true },
  { run: startStopUnit, usage: [0x1b, 0x01, 0, 0x0f, 0xf7, 0x07] },
];
