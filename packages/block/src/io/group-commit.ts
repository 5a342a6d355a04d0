/**
 * Group commit: one fdatasync under way, and all who ask meanwhile share the next one. So a flush covers everything
 * that was completed before it was asked for, and many flushes at once cost hardly more than one. When a commit fails,
 * so do all who wait at that moment: the kernel reports lost pages once and then calls them clean, so that the commit
 * they waited for would succeed without having saved what they meant (SPEC W7: never retried as a success).
 */
import fs from "node:fs";
import { blockErrorOf } from "../block-error.ts";
import type { BlockError } from "../device.ts";

/** Who waits for a commit; a block request is one. */
export interface CommitWaiter {
  complete(error: BlockError | null): void;
}

/** Makes what was written stable, and says how that went. */
export type Synchronize = (done: (error: Error | null) => void) => void;

export interface CommitObserver {
  /** A commit failed; called before those who waited for it are told. */
  failed(error: BlockError): void;
  /** No commit is under way any more; called after those who waited were told. */
  idle(): void;
}

export class GroupCommit {
  readonly #synchronize: Synchronize;
  readonly #observer: CommitObserver;
  /** Who shares the commit under way; null when none is. */
  #running: CommitWaiter[] | null = null;
  #waiting: CommitWaiter[] = [];
  readonly #finished = (error: Error | null) => this.#finish(error);

  constructor(synchronize: Synchronize, observer: CommitObserver) {
    this.#synchronize = synchronize;
    this.#observer = observer;
  }

  /** A group commit of one open file, its fdatasync in the thread pool. */
  static ofFile(fd: number, observer: CommitObserver): GroupCommit {
    return new GroupCommit((done) => fs.fdatasync(fd, done), observer);
  }

  get idle(): boolean {
    return this.#running === null;
  }

  /** Calls `waiter.complete` once, later, when all that was written before this call is stable, or with the failure. */
  request(waiter: CommitWaiter): void {
    this.#waiting.push(waiter);
    if (this.#running === null) this.#start();
  }

  #start(): void {
    this.#running = this.#waiting;
    this.#waiting = [];
    this.#synchronize(this.#finished);
  }

  #finish(error: Error | null): void {
    const finished = this.#running ?? [];
    this.#running = null;
    if (error === null) {
      if (this.#waiting.length > 0) this.#start();
      for (const waiter of finished) waiter.complete(null);
    } else {
      this.#fail(finished, blockErrorOf(error));
    }
    if (this.idle) this.#observer.idle();
  }

  #fail(finished: CommitWaiter[], failure: BlockError): void {
    const failed = finished.concat(this.#waiting);
    this.#waiting = [];
    this.#observer.failed(failure);
    for (const waiter of failed) waiter.complete(failure);
  }
}
