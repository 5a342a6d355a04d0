/**
 * The tasks of a session: those under way by their initiator task tag, and spare ones to use again. It keeps count of
 * the places they take in the command window.
 */
import type { Unit } from "../scsi/unit.ts";
import type { CommandWindow } from "./command-window.ts";
import { COMMAND_WINDOW, MAX_IMMEDIATE_TASKS } from "./limits.ts";
import type { Session } from "./session.ts";
import { SessionTask } from "./session-task.ts";

export class TaskTable {
  readonly #session: Session;
  readonly #window: CommandWindow;
  /** Only tasks that outlive the PDU they came in. */
  readonly #byTag = new Map<number, SessionTask>();
  readonly #spare: SessionTask[] = [];
  #immediate = 0;

  constructor(session: Session, window: CommandWindow) {
    this.#session = session;
    this.#window = window;
  }

  get size(): number {
    return this.#byTag.size;
  }

  get(tag: number): SessionTask | undefined {
    return this.#byTag.get(tag);
  }

  has(tag: number): boolean {
    return this.#byTag.has(tag);
  }

  all(): SessionTask[] {
    return [...this.#byTag.values()];
  }

  of(unit: Unit): SessionTask[] {
    return this.all().filter((task) => task.unit === unit && !task.aborted);
  }

  get hasRoomForImmediate(): boolean {
    return this.#immediate < MAX_IMMEDIATE_TASKS;
  }

  /** A fresh task for a command that was admitted. */
  take(tag: number, immediate: boolean): SessionTask {
    const task = this.#spare.pop() ?? new SessionTask(this.#session);
    task.initiatorTag = tag;
    task.immediate = immediate;
    task.inWindow = true;
    if (immediate) this.#immediate++;
    else this.#window.taken++;
    return task;
  }

  /** The task outlives its PDU: from now on it is found by its tag. */
  list(task: SessionTask): void {
    task.listed = true;
    this.#byTag.set(task.initiatorTag, task);
  }

  /** Its place is free for another command, which its answer may say already. */
  leaveWindow(task: SessionTask): void {
    if (!task.inWindow) return;
    task.inWindow = false;
    if (task.immediate) this.#immediate--;
    else this.#window.taken--;
  }

  /** The task is over. */
  free(task: SessionTask): void {
    this.leaveWindow(task);
    if (task.listed) this.#byTag.delete(task.initiatorTag);
    task.reset();
    if (this.#spare.length < COMMAND_WINDOW) this.#spare.push(task);
  }
}
