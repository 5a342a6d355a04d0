/**
 * The send window: mirror requests given a number and not yet acknowledged, in order. Bounded in bytes (SPEC W10); what
 * a broken connection swallowed is sent again from here (L5), and what an outage catches goes from here to the journal.
 */
import type { MirrorWrite } from "./mirror-write.ts";

/** Per LUN. Covers 50 ms of round trip at 300 MB/s. */
export const WINDOW_LIMIT_BYTES = 16 * 2 ** 20;

export class SendWindow {
  private entries: MirrorWrite[] = [];
  private head = 0;
  /** Bytes of headers and payloads held. */
  bytes = 0;

  get size(): number {
    return this.entries.length - this.head;
  }

  get oldest(): MirrorWrite | undefined {
    return this.entries[this.head];
  }

  /** Whether a request of `length` payload bytes fits. An empty window takes any one. */
  fits(length: number): boolean {
    return this.size === 0 || this.bytes + length + 64 <= WINDOW_LIMIT_BYTES;
  }

  push(write: MirrorWrite): void {
    write.inWindow = true;
    this.entries.push(write);
    write.windowBytes = write.frameBytes;
    this.bytes += write.windowBytes;
  }

  /** The entry that stands `position` behind the oldest. */
  at(position: number): MirrorWrite | undefined {
    return this.entries[this.head + position];
  }

  /** Takes the oldest out. */
  shift(): MirrorWrite {
    const write = this.entries[this.head];
    if (write === undefined) throw new Error("the window is empty");
    this.head++;
    this.bytes -= write.windowBytes;
    write.inWindow = false;
    if (this.head === this.entries.length) {
      this.entries.length = 0;
      this.head = 0;
    } else if (this.head >= 1024 && this.head * 2 >= this.entries.length) {
      this.entries = this.entries.slice(this.head);
      this.head = 0;
    }
    return write;
  }
}
