/**
 * A host that writes at a queue depth with contents that can be checked: every block says which
 * block it is and by which write, under a checksum. It remembers the last answered write of each
 * block, so that an image can be held against what the host was told, not only against the other
 * image. No two writes to one block are under way at once.
 */
import { crc32 } from "node:zlib";
import { readRange } from "./images.ts";
import type { NbdSession } from "./initiators.ts";
import type { NbdClient } from "./nbd-client.ts";

const PACE_INTERVAL_MS = 5;
const HEADER_BYTES = 24;
const READ_BYTES = 2 ** 20;

export interface WriterOptions {
  depth?: number;
  blockBytes?: number;
  /** Writes are spread over this part of the LUN. */
  regionBytes: number;
  regionOffset?: number;
  /**
   * Upper bound, so that the servers under test and the writer share the machine; a burst still
   * fills the depth.
   */
  writesPerSecond?: number;
  seed?: number;
}

/** Contents of a block: number, sequence, checksum of both and of a filler that depends on them. */
export function blockContents(block: number, sequence: number, lengthBytes: number): Buffer {
  const contents = Buffer.alloc(lengthBytes);
  contents.fill(`block ${block} write ${sequence} `, HEADER_BYTES);
  contents.writeBigUInt64BE(BigInt(block), 0);
  contents.writeBigUInt64BE(BigInt(sequence), 8);
  contents.writeUInt32BE(
    crc32(contents.subarray(HEADER_BYTES), crc32(contents.subarray(0, 16))),
    16,
  );
  return contents;
}

/**
 * What a block says of itself; null when it is not a whole block of a writer (then `isZero` may
 * tell never written).
 */
export function readBlock(contents: Buffer): { block: number; sequence: number } | null {
  const sum = crc32(contents.subarray(HEADER_BYTES), crc32(contents.subarray(0, 16)));
  if (contents.readUInt32BE(16) !== sum) return null;
  return {
    block: Number(contents.readBigUInt64BE(0)),
    sequence: Number(contents.readBigUInt64BE(8)),
  };
}

export class Writer {
  readonly blockBytes: number;
  readonly errors: string[] = [];
  answered = 0;
  /** Longest time between a request and its answer, in milliseconds. */
  longestWaitMs = 0;
  /** When the last answer came, on the wall clock in milliseconds. */
  lastAnswerAt = 0;
  readonly #clients: NbdClient[];
  readonly #depth: number;
  readonly #blocks: number;
  readonly #offset: number;
  readonly #perSecond: number;
  readonly #latest = new Map<number, number>();
  readonly #underWay = new Set<number>();
  #random: number;
  #sequence = 0;
  #startedAt = 0;
  #issuedSinceStart = 0;
  #running = false;
  #turn = 0;
  #pace: NodeJS.Timeout | null = null;
  #idle: (() => void) | null = null;

  private constructor(clients: NbdClient[], options: WriterOptions) {
    this.#clients = clients;
    this.#depth = options.depth ?? 32;
    this.blockBytes = options.blockBytes ?? 4096;
    this.#blocks = Math.floor(options.regionBytes / this.blockBytes);
    this.#offset = options.regionOffset ?? 0;
    this.#perSecond = options.writesPerSecond ?? 2_000;
    this.#random = options.seed ?? 1;
    if (this.#blocks <= this.#depth) throw new Error("the region is too small for the queue depth");
  }

  static async start(session: NbdSession, options: WriterOptions): Promise<Writer> {
    const writer = new Writer(await session.clients(options.depth ?? 32), options);
    writer.resume();
    return writer;
  }

  resume(): void {
    if (this.#running) return;
    this.#running = true;
    this.#startedAt = performance.now();
    this.#issuedSinceStart = 0;
    this.#pace = setInterval(() => this.#fill(), PACE_INTERVAL_MS);
    this.#fill();
  }

  /** Stops issuing; returns when everything under way is answered. */
  async pause(): Promise<void> {
    this.#running = false;
    if (this.#pace !== null) clearInterval(this.#pace);
    this.#pace = null;
    if (this.#underWay.size > 0) await new Promise<void>((done) => (this.#idle = done));
  }

  async stop(): Promise<void> {
    await this.pause();
    for (const client of this.#clients) client.close();
  }

  /** Fails with the first errors that the host saw. */
  assertNoErrors(): void {
    if (this.errors.length > 0) {
      throw new Error(
        `the host saw ${this.errors.length} errors: ${this.errors.slice(0, 3).join("; ")}`,
      );
    }
  }

  /** Writes a flush through to the LUN. */
  async flush(): Promise<void> {
    const client = this.#clients[0];
    if (client === undefined) throw new Error("the writer has no client");
    const errno = await new Promise<number>((done) => client.flush(done));
    if (errno !== 0) this.errors.push(`flush: errno ${errno}`);
  }

  /** Holds an image against every answered write; yields what is wrong, at most a few findings. */
  async wrongBlocks(imagePath: string): Promise<string[]> {
    const wrong: string[] = [];
    const blocksPerRead = Math.max(1, Math.floor(READ_BYTES / this.blockBytes));
    for (let first = 0; first < this.#blocks && wrong.length < 5; first += blocksPerRead) {
      const count = Math.min(blocksPerRead, this.#blocks - first);
      const part = await readRange(
        imagePath,
        this.#offset + first * this.blockBytes,
        count * this.blockBytes,
      );
      for (let i = 0; i < count; i++) {
        const sequence = this.#latest.get(first + i);
        if (sequence === undefined) continue;
        const found = part.subarray(i * this.blockBytes, (i + 1) * this.blockBytes);
        if (found.equals(blockContents(first + i, sequence, this.blockBytes))) continue;
        const says = found.length === this.blockBytes ? readBlock(found) : null;
        wrong.push(
          `block ${first + i}: write ${sequence} was answered, found ${JSON.stringify(says)}`,
        );
      }
    }
    return wrong;
  }

  #fill(): void {
    const allowed = ((performance.now() - this.#startedAt) * this.#perSecond) / 1000 + this.#depth;
    while (this.#running && this.#underWay.size < this.#depth && this.#issuedSinceStart < allowed) {
      this.#issue();
    }
  }

  #issue(): void {
    const block = this.#chooseBlock();
    const sequence = ++this.#sequence;
    const client = this.#clients[this.#turn++ % this.#clients.length];
    if (client === undefined) throw new Error("the writer has no client");
    this.#underWay.add(block);
    this.#issuedSinceStart++;
    const startedAt = performance.now();
    const contents = blockContents(block, sequence, this.blockBytes);
    try {
      client.write(this.#offset + block * this.blockBytes, contents, (errno) => {
        this.#answered(block, sequence, errno, performance.now() - startedAt);
      });
    } catch (error) {
      this.#running = false;
      this.#answered(block, sequence, 5, 0);
      this.errors.push(String(error));
    }
  }

  #answered(block: number, sequence: number, errno: number, waitMs: number): void {
    this.#underWay.delete(block);
    this.longestWaitMs = Math.max(this.longestWaitMs, waitMs);
    if (errno === 0) {
      this.answered++;
      this.#latest.set(block, sequence);
      this.lastAnswerAt = Date.now();
    } else {
      this.errors.push(`write ${sequence} to block ${block}: errno ${errno}`);
      this.#latest.delete(block);
    }
    if (this.#running) this.#fill();
    else if (this.#underWay.size === 0) this.#idle?.();
  }

  /** xorshift32: the same seed writes the same blocks. */
  #chooseBlock(): number {
    for (;;) {
      let x = this.#random;
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      this.#random = x >>> 0;
      const block = this.#random % this.#blocks;
      if (!this.#underWay.has(block)) return block;
    }
  }
}
