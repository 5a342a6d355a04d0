/** SYNCHRONIZE CACHE 10 and 16 (SBC-3 sections 5.18, 5.19). The whole unit is flushed, whatever range is named. */
import { type Operation, readUInt64 } from "./operation.ts";
import { senses } from "./sense.ts";
import { finish, submit, type Task } from "./task.ts";

function flush(task: Task, lba: number, blocks: number): void {
  if (lba + blocks > task.target.blocks) {
    task.fail(senses.lbaOutOfRange);
    return;
  }
  // IMMED allows an early answer; a true one is more useful.
  task.op = "flush";
  task.next = finish;
  task.enter(submit);
}

export const flushOperations: readonly Operation[] = [
  {
    run: (task, cdb, at) => flush(task, cdb.readUInt32BE(at + 2), cdb.readUInt16BE(at + 7)),
    usage: [0x35, 0x02, 255, 255, 255, 255, 0x1f, 255, 255, 0x07],
  },
  {
    run: (task, cdb, at) => flush(task, readUInt64(cdb, at + 2), cdb.readUInt32BE(at + 10)),
    usage: [0x91, 0x02, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0x1f, 0x07],
  },
];
