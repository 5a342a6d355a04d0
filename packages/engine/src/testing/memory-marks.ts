/**
 * A mark in memory, written as a stable file is: one write at a time, of what was asked for last, and whoever asked
 * meanwhile shares it. A write that fails may have reached the first of the two copies.
 */
import type { Random } from "./random.ts";
import type { Schedule } from "./schedule.ts";

type Done = (error: string | null) => void;

interface MarkWrite<T> {
  value: T;
  told: Done[];
}

/** The longest that a write takes, and one that it waits for, ms. */
export const MARK_WRITE_MS = 1.5;

export class MemoryMarks<T> {
  /** What a start finds. */
  value: T | null = null;
  /** Share of writes that fail. */
  failing = 0;
  private waiting: MarkWrite<T> | null = null;
  private isWriting = false;
  private life = 0;
  private readonly schedule: Schedule;
  private readonly random: Random;

  constructor(schedule: Schedule, random: Random) {
    this.schedule = schedule;
    this.random = random;
  }

  write(value: T, done: Done): void {
    this.waiting ??= { value, told: [] };
    this.waiting.value = value;
    this.waiting.told.push(done);
    if (!this.isWriting) this.begin();
  }

  /** The process is killed: what is on its way is not written, and nobody is told. */
  restart(): void {
    this.life++;
    this.waiting = null;
    this.isWriting = false;
  }

  private begin(): void {
    const write = this.waiting;
    this.waiting = null;
    this.isWriting = write !== null;
    if (write === null) return;
    const { life } = this;
    const fails = this.random.chance(this.failing);
    this.schedule.after(0.1 + this.random.next() * 0.5, () => {
      if (life !== this.life) return;
      if (!fails || this.random.chance(0.5)) this.value = write.value;
      this.schedule.after(0.05, () => {
        if (life !== this.life) return;
        for (const done of write.told) done(fails ? "ENOSPC" : null);
        this.begin();
      });
    });
  }
}
