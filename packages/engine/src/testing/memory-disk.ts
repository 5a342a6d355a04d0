/** A disk in memory whose requests end at once or after a while, and can be made to fail. */
import type { BlockDevice, BlockError, BlockRequest, Extent } from "@lockstep/block";
import type { Random } from "./random.ts";
import type { Schedule } from "./schedule.ts";

export class MemoryDisk implements BlockDevice {
  readonly blockSize = 512;
  readonly image: Buffer;
  /** Share of writes that fail with a medium error. */
  failing = 0;
  /** Share of requests that take time. */
  slow = 0;
  private readonly pending = new Set<BlockRequest>();
  private readonly schedule: Schedule;
  private readonly random: Random;

  constructor(schedule: Schedule, random: Random, image: Buffer) {
    this.schedule = schedule;
    this.random = random;
    this.image = image;
  }

  get sizeBytes(): number {
    return this.image.length;
  }

  submit(request: BlockRequest): void {
    if (request.op === "flush" || this.random.chance(this.slow)) {
      this.pending.add(request);
      this.schedule.after(0.1 + this.random.next() * 3, () => {
        if (!this.pending.delete(request)) return;
        this.change(request);
      });
    } else {
      this.change(request);
    }
  }

  /** Its process is killed: what is under way reaches the disk or not, and nobody is told. */
  kill(): void {
    for (const request of this.pending) if (this.random.chance(0.5)) this.store(request);
    this.pending.clear();
  }

  resize(_sizeBytes: number, done: (error: BlockError | null) => void): void {
    done(null);
  }

  extentAt(offset: number): Extent {
    return { offset, length: this.image.length - offset, data: true };
  }

  close(done: (error: BlockError | null) => void): void {
    done(null);
  }

  private change(request: BlockRequest): void {
    const { op } = request;
    if (op !== "read" && op !== "flush" && this.random.chance(this.failing)) {
      request.complete({ code: "medium-error", detail: "EIO" });
      return;
    }
    this.store(request);
    request.complete(null);
  }

  private store({ op, offset, length, buffer }: BlockRequest): void {
    if (op === "read") this.image.copy(buffer as Buffer, 0, offset, offset + length);
    else if (op === "write") (buffer as Buffer).copy(this.image, offset);
    else if (op !== "flush") this.image.fill(0, offset, offset + length);
  }
}
