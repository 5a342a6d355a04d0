/**
 * The number that a mirror copy applied last, in a file that is mapped into memory: noting it is a store, and what was
 * stored outlives the killed process (not the kernel: SPEC R1). Two slots, of which a word says the valid one, make a
 * turn to another stream one step.
 *
 * ```
 * float64:  0 valid slot (0 or 1)   8, 9, 10 slot 0: stream hi, stream lo, number   16, 17, 18 slot 1
 * ```
 */
import fs from "node:fs";
import koffi from "koffi";
import type { AppliedNote } from "../lun/mirror-copy.ts";
import type { StreamId } from "../wire/stream-id.ts";

const NOTE_BYTES = 4096;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FAILED = 2n ** 64n - 1n;

const libc = koffi.load(null);
const mmap = libc.func(
  "void *mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset)",
);
const munmap = libc.func("int munmap(void *addr, size_t length)");

const slotAt = [8, 16] as const;

export class MappedNote implements AppliedNote {
  private readonly address: unknown;
  private readonly words: Float64Array;
  private slot: 0 | 1;

  /** Maps the note at `path`, made where it is missing. Throws the file system's error. */
  constructor(path: string) {
    const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
    try {
      // Written, not a hole: a store that finds the disk full would end the process (SIGBUS), a write is an error.
      const { size } = fs.fstatSync(fd);
      if (size < NOTE_BYTES) fs.writeSync(fd, Buffer.alloc(NOTE_BYTES - size), 0, null, size);
      this.address = mmap(null, NOTE_BYTES, PROT_READ_WRITE, MAP_SHARED, fd, 0);
      if (koffi.address(this.address) === MAP_FAILED) throw new Error(`${path} can't be mapped`);
    } finally {
      fs.closeSync(fd);
    }
    this.words = new Float64Array(koffi.view(this.address, NOTE_BYTES) as ArrayBuffer);
    this.slot = this.words[0] === 1 ? 1 : 0;
  }

  get stream(): StreamId | null {
    const hi = this.words[slotAt[this.slot]] as number;
    const lo = this.words[slotAt[this.slot] + 1] as number;
    return hi === 0 && lo === 0 ? null : { hi, lo };
  }

  get applied(): number {
    return this.words[slotAt[this.slot] + 2] as number;
  }

  set(number: number): void {
    this.words[slotAt[this.slot] + 2] = number;
  }

  turn(stream: StreamId, number: number): void {
    const next = this.slot === 0 ? 1 : 0;
    const at = slotAt[next];
    this.words[at] = stream.hi;
    this.words[at + 1] = stream.lo;
    this.words[at + 2] = number;
    this.words[0] = next;
    this.slot = next;
  }

  /** Unmaps it; it may not be used any more. */
  close(): void {
    munmap(this.address, NOTE_BYTES);
  }
}
