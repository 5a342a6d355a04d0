/**
 * Task management functions (RFC 7143 section 11.5, SAM-5 section 7): aborts and resets. A function is answered only
 * when none of the tasks it ended can change anything any more: what the device has begun runs out first.
 */
import { senses } from "../scsi/sense.ts";
import type { Unit } from "../scsi/unit.ts";
import type { CommandWindow } from "./command-window.ts";
import type { Session } from "./session.ts";
import type { SessionTask } from "./session-task.ts";

const functions = {
  abortTask: 1,
  abortTaskSet: 2,
  clearTaskSet: 4,
  logicalUnitReset: 5,
  targetWarmReset: 6,
  taskReassign: 8,
} as const;

const taskManagementResponses = {
  complete: 0,
  taskDoesNotExist: 1,
  lunDoesNotExist: 2,
  reassignmentNotSupported: 4,
  notSupported: 5,
} as const;

export interface TaskManagementRequest {
  readonly function: number;
  readonly unit: Unit | null;
  readonly referencedTag: number;
  readonly cmdSn: number;
  readonly refCmdSn: number;
}

/** Carries a function out; `done` gets the response's code, perhaps later. */
export function manageTasks(
  session: Session,
  window: CommandWindow,
  request: TaskManagementRequest,
  done: (response: number) => void,
): void {
  const { unit } = request;
  const complete = () => done(taskManagementResponses.complete);
  switch (request.function) {
    case functions.abortTask:
      abortTask(session, window, request, done);
      return;
    case functions.targetWarmReset:
      reset(session, session.units, complete);
      return;
    case functions.taskReassign:
      done(taskManagementResponses.reassignmentNotSupported);
      return;
    case functions.abortTaskSet:
    case functions.clearTaskSet:
    case functions.logicalUnitReset:
      break;
    default:
      done(taskManagementResponses.notSupported);
      return;
  }
  if (unit === null) {
    done(taskManagementResponses.lunDoesNotExist);
    return;
  }
  if (request.function === functions.logicalUnitReset) reset(session, [unit], complete);
  else if (request.function === functions.abortTaskSet) abort(session.tasksOf(unit), complete);
  else clearTaskSet(session, unit, complete);
}

function abortTask(
  session: Session,
  window: CommandWindow,
  request: TaskManagementRequest,
  done: (response: number) => void,
): void {
  const task = session.taskByTag(request.referencedTag);
  if (task && task.unit === request.unit) {
    abort([task], () => done(taskManagementResponses.complete));
    return;
  }
  const notCome = window.skip(request.refCmdSn, request.cmdSn);
  done(notCome ? taskManagementResponses.complete : taskManagementResponses.taskDoesNotExist);
}

/** All initiators' tasks; the others learn of it by a unit attention. */
function clearTaskSet(session: Session, unit: Unit, done: () => void): void {
  const tasks: SessionTask[] = [];
  for (const other of session.host.sessionsOf(unit)) {
    const own = other.tasksOf(unit);
    if (other !== session && own.length > 0) other.attentions.add(unit, senses.commandsCleared);
    tasks.push(...own);
  }
  abort(tasks, done);
}

function reset(session: Session, units: readonly Unit[], done: () => void): void {
  const tasks: SessionTask[] = [];
  for (const unit of units) {
    for (const other of session.host.sessionsOf(unit)) {
      tasks.push(...other.tasksOf(unit));
      other.attentions.add(unit, senses.busReset);
    }
  }
  abort(tasks, done);
}

/** Ends tasks without an answer; `done` when the last one is gone. */
function abort(tasks: readonly SessionTask[], done: () => void): void {
  let left = 1;
  const gone = () => {
    left--;
    if (left === 0) done();
  };
  for (const task of tasks) {
    left++;
    (task.nexus as Session).abortTask(task, gone);
  }
  gone();
}
