/**
 * One SCSI command under way. It is the block request too, so that the device completes it directly; tasks are pooled
 * by their nexus, and all have the same shape. A command's code fills it in, asks the nexus for data where the command
 * has some, and ends it with a status.
 *
 *   idle -> receiving (data-out comes in) -> entered (waits for order or runs on the device) -> finished -> idle
 */
import assert from "node:assert/strict";
import type { BlockError, BlockOperation, BlockRequest } from "@lockstep/block";
import { type Sense, scsiStatus, senseOfBlockError } from "./sense.ts";
import type { Unit } from "./unit.ts";

/** What a task needs of the I_T nexus it came through. */
export interface Nexus {
  /** Gathers `length` bytes of data-out in `task.buffer`, then calls `task.onReceived(task)`. */
  receive(task: Task, length: number): void;
  /** Sets `task.buffer` to `length` bytes that can be sent from where they are. */
  reserve(task: Task, length: number): void;
  /** Sends status, and `task.sendBytes` of the reserved buffer; the task is free afterwards. */
  finish(task: Task): void;
  /** The units that this nexus can reach, by number, ascending. */
  readonly units: readonly Unit[];
  /** Takes the oldest unit attention of `unit`, or null. */
  takeAttention(unit: Unit | null): Sense | null;
  /** A defined place among all nexuses for commands that list LUNs. */
  takeReportedLunsAttention(): void;
}

export type TaskPhase = "idle" | "receiving" | "entered";

/** The next step of a task: a plain function, so that steps need no closures. */
export type Step = (task: Task) => void;

export class Task implements BlockRequest {
  // The block request.
  op: BlockOperation = "read";
  offset = 0;
  length = 0;
  buffer: Buffer | null = null;
  fua = false;

  readonly nexus: Nexus;
  /** The unit addressed; null where the LUN does not exist. */
  unit: Unit | null = null;
  phase: TaskPhase = "idle";
  /** Ended by task management or a closed session: it runs out, and nothing is answered. */
  aborted = false;
  ordered = false;

  // From the SCSI Command PDU.
  initiatorTag = 0;
  cmdSn = 0;
  immediate = false;
  lunHigh = 0;
  lunLow = 0;
  /** Expected Data Transfer Length in the direction of the command, in bytes. */
  expectedIn = 0;
  expectedOut = 0;

  // What the command came to.
  status: number = scsiStatus.good;
  sense: Sense | null = null;
  /** Bytes that the command wanted to move, for the residual. */
  transferBytes = 0;
  /** Bytes to send of those reserved. */
  sendBytes = 0;

  // Steps and their place in commands that take several.
  onReceived: Step = finish;
  /** Called when the device has completed a request of this task without an error. */
  next: Step = finish;
  /** How a command of several requests remembers where it is. */
  cursor = 0;
  end = 0;
  /** Data received, when `buffer` is used for something else by then. */
  parameters: Buffer | null = null;
  /** Started by `run`. */
  #work: Step = finish;

  constructor(nexus: Nexus) {
    this.nexus = nexus;
  }

  /** Fresh for the next command; what only some steps use is set by them. */
  reset(): void {
    this.op = "read";
    this.offset = 0;
    this.length = 0;
    this.buffer = null;
    this.fua = false;
    this.unit = null;
    this.phase = "idle";
    this.aborted = false;
    this.ordered = false;
    this.status = scsiStatus.good;
    this.sense = null;
    this.transferBytes = 0;
    this.sendBytes = 0;
    this.onReceived = finish;
    this.next = finish;
    this.parameters = null;
  }

  /** The unit addressed, in commands that are only run with one. */
  get target(): Unit {
    assert(this.unit);
    return this.unit;
  }

  /** Asks for `length` bytes of data-out; `then` is called with them in `buffer`. */
  receive(length: number, then: Step): void {
    this.transferBytes = Math.max(this.transferBytes, length);
    this.onReceived = then;
    this.nexus.receive(this, length);
  }

  /** Takes its turn among the unit's commands, then does `work`. */
  enter(work: Step): void {
    this.#work = work;
    this.phase = "entered";
    this.target.enter(this);
  }

  run(): void {
    this.#work(this);
  }

  /** Has the device carry out the request as it is filled in, then goes on with `next`. */
  submit(): void {
    this.target.device.submit(this);
  }

  complete(error: BlockError | null): void {
    assert(this.phase === "entered", "a device completes a request once");
    if (error !== null) this.fail(senseOfBlockError(error, this.op));
    else if (this.aborted) this.finish();
    else this.next(this);
  }

  /** Ends with GOOD. */
  finish(): void {
    if (this.phase === "entered") this.target.leave(this);
    this.nexus.finish(this);
  }

  /** Ends with CHECK CONDITION; `transferBytes` is what the command would have moved, if that matters. */
  fail(sense: Sense, transferBytes = 0): void {
    this.transferBytes = transferBytes;
    this.status = scsiStatus.checkCondition;
    this.sense = sense;
    this.sendBytes = 0;
    this.finish();
  }

  /** Ends with parameter data, cut at the CDB's allocation length. */
  reply(data: Buffer, allocationLength: number): void {
    const length = Math.min(data.length, allocationLength);
    this.transferBytes = length;
    this.sendBytes = Math.min(length, this.expectedIn);
    if (this.sendBytes > 0) {
      this.nexus.reserve(this, this.sendBytes);
      data.copy(this.buffer as Buffer, 0, 0, this.sendBytes);
    }
    this.finish();
  }
}

/** The usual last step. */
export function finish(task: Task): void {
  task.finish();
}

/** The usual only step of work on the device. */
export function submit(task: Task): void {
  task.submit();
}
