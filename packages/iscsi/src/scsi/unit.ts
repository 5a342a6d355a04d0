/**
 * A logical unit as its target serves it: the device below, who it is, and the order of its commands. Commands run as
 * they come, except around one with the ORDERED attribute, which waits for all before it and holds all after it.
 */
import type { BlockDevice } from "@lockstep/block";
import type { Task } from "./task.ts";

/** What the owner of a device hands to a target. `writeCache` may be changed between two commands. */
export interface LogicalUnit {
  readonly number: number;
  readonly device: BlockDevice;
  readonly identity: UnitIdentity;
  writeCache: boolean;
}

export interface UnitIdentity {
  /** The LUN's UUID, the same on both servers: hosts know the unit by it. */
  readonly uuid: string;
  readonly name: string;
}

export class Unit {
  readonly logical: LogicalUnit;
  readonly number: number;
  readonly device: BlockDevice;
  /** Tasks given to the device and not complete. */
  #running = 0;
  #orderedRunning = false;
  /** Tasks that wait for an ordered one, or are one; in order. */
  #waiting: Task[] = [];

  constructor(logical: LogicalUnit) {
    this.logical = logical;
    this.number = logical.number;
    this.device = logical.device;
  }

  get blockBytes(): number {
    return this.device.blockSize;
  }

  get blocks(): number {
    return Math.floor(this.device.sizeBytes / this.device.blockSize);
  }

  /** Starts a task's work now, or when the order of commands allows. */
  enter(task: Task): void {
    const mustWait = task.ordered ? this.#running > 0 : false;
    if (this.#waiting.length > 0 || this.#orderedRunning || mustWait) {
      this.#waiting.push(task);
      return;
    }
    this.#begin(task);
  }

  /** A task that entered has ended. */
  leave(task: Task): void {
    this.#running--;
    if (task.ordered) this.#orderedRunning = false;
    while (this.#waiting.length > 0 && !this.#orderedRunning) {
      const next = this.#waiting[0] as Task;
      if (next.ordered && this.#running > 0) return;
      this.#waiting.shift();
      this.#begin(next);
    }
  }

  /** Takes a task that still waits out of the queue; false when it already runs. */
  withdraw(task: Task): boolean {
    const index = this.#waiting.indexOf(task);
    if (index < 0) return false;
    this.#waiting.splice(index, 1);
    return true;
  }

  #begin(task: Task): void {
    this.#running++;
    if (task.ordered) this.#orderedRunning = true;
    task.run();
  }
}
