/**
 * The opcode table: every command that this target knows, and the one way in. What is not in it is answered with
 * INVALID COMMAND OPERATION CODE.
 */
import { capacityOperations, serviceActionsIn16 } from "./capacity.ts";
import { flushOperations } from "./flush.ts";
import { inquiryOperations } from "./inquiry.ts";
import { modeOperations } from "./mode.ts";
import type { Operation } from "./operation.ts";
import { readWriteOperations } from "./read-write.ts";
import { type KnownCommand, reportLunsOperation, reportSupportedOpcodes } from "./report.ts";
import { senses } from "./sense.ts";
import { stateOperations } from "./state.ts";
import type { Task } from "./task.ts";
import { unmapOperations } from "./unmap.ts";
import { verifyOperations } from "./verify.ts";
import { writeSameOperations } from "./write-same.ts";

const SERVICE_ACTION_IN_16 = 0x9e;
const MAINTENANCE_IN = 0xa3;
const SERVICE_ACTION_MASK = 0x1f;

const maintenanceIn: ReadonlyMap<number, Operation> = new Map([
  [
    0x0c,
    {
      run: reportSupportedOpcodes(() => knownCommands),
      usage: [MAINTENANCE_IN, 0x0c, 0x87, 255, 255, 255, 255, 255, 255, 255, 0, 0x07],
    },
  ],
]);

/** An opcode whose commands are told apart by their service action. */
function byServiceAction(opcode: number, actions: ReadonlyMap<number, Operation>): Operation {
  return {
    run: (task, cdb, at) => {
      const operation = actions.get((cdb[at + 1] as number) & SERVICE_ACTION_MASK);
      if (operation) operation.run(task, cdb, at);
      else task.fail(senses.invalidFieldInCdb);
    },
    usage: [opcode],
  };
}

const plain: readonly Operation[] = [
  ...stateOperations,
  ...readWriteOperations,
  ...inquiryOperations,
  ...modeOperations,
  ...capacityOperations,
  ...flushOperations,
  ...unmapOperations,
  ...writeSameOperations,
  ...verifyOperations,
  reportLunsOperation,
];

const grouped = [
  [SERVICE_ACTION_IN_16, serviceActionsIn16],
  [MAINTENANCE_IN, maintenanceIn],
] as const;

const table: (Operation | null)[] = new Array(256).fill(null);
for (const operation of plain) table[operation.usage[0] as number] = operation;
for (const [opcode, actions] of grouped) table[opcode] = byServiceAction(opcode, actions);

const knownCommands: readonly KnownCommand[] = [
  ...plain.map(({ usage }) => ({ opcode: usage[0] as number, serviceAction: null, usage })),
  ...grouped.flatMap(([opcode, actions]) =>
    [...actions].map(([serviceAction, { usage }]) => ({ opcode, serviceAction, usage })),
  ),
].sort((a, b) => a.opcode - b.opcode);

/** Takes the command whose CDB stands at `at`. */
export function runCommand(task: Task, cdb: Buffer, at: number): void {
  const operation = table[cdb[at] as number] as Operation | null;
  if (task.unit === null || operation === null) {
    runExceptional(task, cdb, at, operation);
    return;
  }
  if (operation.anyUnit !== true) {
    const attention = task.nexus.takeAttention(task.unit);
    if (attention !== null) {
      task.fail(attention);
      return;
    }
  }
  operation.run(task, cdb, at);
}

function runExceptional(task: Task, cdb: Buffer, at: number, operation: Operation | null): void {
  if (operation?.anyUnit) operation.run(task, cdb, at);
  else if (task.unit === null) task.fail(senses.unitNotSupported);
  else task.fail(task.nexus.takeAttention(task.unit) ?? senses.invalidOpcode);
}
