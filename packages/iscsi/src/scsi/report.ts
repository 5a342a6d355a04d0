/** REPORT LUNS and REPORT SUPPORTED OPERATION CODES (SPC-4 sections 6.33, 6.35): what this target has and can do. */
import type { Operation } from "./operation.ts";
import { senses } from "./sense.ts";
import type { Task } from "./task.ts";

function reportLuns(task: Task, cdb: Buffer, at: number): void {
  const select = cdb[at + 2] as number;
  const allocationLength = cdb.readUInt32BE(at + 6);
  if (select > 2) {
    task.fail(senses.invalidFieldInCdb);
    return;
  }
  // 1: only well known units, of which there are none.
  const units = select === 1 ? [] : task.nexus.units;
  const data = Buffer.alloc(8 + 8 * units.length);
  data.writeUInt32BE(8 * units.length, 0);
  units.forEach((unit, i) => {
    // Peripheral device addressing: bus 0, then the number.
    data[8 + 8 * i + 1] = unit.number;
  });
  task.nexus.takeReportedLunsAttention();
  task.reply(data, allocationLength);
}

/** A command as this report names it. */
export interface KnownCommand {
  readonly opcode: number;
  readonly serviceAction: number | null;
  readonly usage: readonly number[];
}

/** Builds the command over the table that it reports; the table holds the command itself. */
export function reportSupportedOpcodes(known: () => readonly KnownCommand[]) {
  return (task: Task, cdb: Buffer, at: number): void => {
    const byte2 = cdb[at + 2] as number;
    const timeouts = (byte2 & 0x80) !== 0;
    const options = byte2 & 0x07;
    const opcode = cdb[at + 3] as number;
    const action = cdb.readUInt16BE(at + 4);
    const data =
      options === 0 ? allCommands(known(), timeouts) : oneCommand(known(), options, opcode, action);
    if (data) task.reply(data, cdb.readUInt32BE(at + 6));
    else task.fail(senses.invalidFieldInCdb);
  };
}

/** A command timeouts descriptor that says nothing of times. */
const NO_TIMEOUTS = Buffer.from([0, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

function allCommands(known: readonly KnownCommand[], timeouts: boolean): Buffer {
  const parts = known.map((command) => {
    const descriptor = Buffer.alloc(8);
    descriptor[0] = command.opcode;
    descriptor.writeUInt16BE(command.serviceAction ?? 0, 2);
    descriptor[5] = (timeouts ? 0x02 : 0) | (command.serviceAction === null ? 0 : 0x01);
    descriptor.writeUInt16BE(command.usage.length, 6);
    return timeouts ? Buffer.concat([descriptor, NO_TIMEOUTS]) : descriptor;
  });
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length, 0);
  return Buffer.concat([head, body]);
}

const SUPPORTED = 3;
const NOT_SUPPORTED = 1;

/** Options 1: by opcode; 2: by opcode and service action; 3: either way. Null: the question is wrong. */
function oneCommand(
  known: readonly KnownCommand[],
  options: number,
  opcode: number,
  action: number,
): Buffer | null {
  const sameOpcode = known.filter((command) => command.opcode === opcode);
  const hasActions = sameOpcode.some((command) => command.serviceAction !== null);
  if (options > 3 || (options === 1 && hasActions)) return null;
  if (options === 2 && sameOpcode.length > 0 && !hasActions) return null;
  const found = sameOpcode.find(
    (command) => (command.serviceAction ?? 0) === action || !hasActions,
  );
  if (!found) return Buffer.from([0, NOT_SUPPORTED, 0, 0]);
  const head = Buffer.from([0, SUPPORTED, 0, found.usage.length]);
  return Buffer.concat([head, Buffer.from(found.usage)]);
}

export const reportLunsOperation: Operation = {
  run: reportLuns,
  usage: [0xa0, 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0x07],
  anyUnit: true,
};
