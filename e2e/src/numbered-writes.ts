/**
 * A chain of dependent writes (SPEC W4): block after block, each only after the one before was
 * acknowledged, over several sessions in turn. An image shows a state of the chain if it is a
 * gap-free prefix: with K the highest write found, every block holds the newest write up to K that
 * went there.
 */
import { open } from "node:fs/promises";
import type { Lun } from "@lockstep/model";
import { NbdSession } from "./initiators.ts";
import type { NbdClient } from "./nbd-client.ts";
import type { StorageServer } from "./server.ts";
import type { Stage } from "./stage.ts";
import { blockContents, readBlock } from "./writer.ts";

const BLOCK_BYTES = 4096;
const READ_BYTES = 2 ** 20;

export class Chain {
  readonly lun: Lun;
  /**
   * The last write that was acknowledged; 0 before the first. Write `s` goes to block `s % blocks`.
   */
  acknowledged = 0;
  readonly #blocks: number;
  #sessions: NbdSession[] = [];
  #clients: NbdClient[] = [];
  #running: Promise<void> = Promise.resolve();
  #stop = false;

  constructor(lun: Lun) {
    this.lun = lun;
    this.#blocks = Math.floor(lun.sizeBytes / BLOCK_BYTES);
  }

  /** Starts, or goes on behind the last acknowledged write, over `sessions` new sessions. */
  async start(stage: Stage, server: StorageServer, sessions: number): Promise<void> {
    const opened = Array.from({ length: sessions }, () => NbdSession.open(stage, server, this.lun));
    this.#sessions = await Promise.all(opened);
    this.#clients = await Promise.all(this.#sessions.map((session) => session.client()));
    this.#stop = false;
    this.#running = new Promise((ended) => this.#next(ended));
  }

  /** Lets the initiators go, whatever is unanswered; the chain may be started again. */
  async abandon(): Promise<void> {
    this.#stop = true;
    await Promise.all(this.#sessions.map((session) => session.kill()));
    await this.#running;
  }

  #next(ended: () => void): void {
    const sequence = this.acknowledged + 1;
    const block = sequence % this.#blocks;
    const client = this.#clients[sequence % this.#clients.length];
    if (this.#stop || client === undefined || client.closed) {
      ended();
      return;
    }
    client.write(block * BLOCK_BYTES, blockContents(block, sequence, BLOCK_BYTES), (errno) => {
      if (errno === 0) {
        this.acknowledged = sequence;
        this.#next(ended);
      } else {
        ended();
      }
    });
  }

  /**
   * The highest write in the image, having checked that nothing before it is missing and nothing is
   * torn.
   */
  async prefixIn(imagePath: string): Promise<number> {
    const found = await this.#sequencesIn(imagePath);
    const last = found.reduce((highest, sequence) => Math.max(highest, sequence), 0);
    for (let block = 0; block < this.#blocks; block++) {
      const expected = last - ((((last - block) % this.#blocks) + this.#blocks) % this.#blocks);
      const have = found[block] ?? 0;
      if (have !== Math.max(0, expected)) {
        throw new Error(
          `${this.lun.name}: write ${last} is in the image, but block ${block} holds ${have} instead of ${expected}`,
        );
      }
    }
    return last;
  }

  async #sequencesIn(imagePath: string): Promise<number[]> {
    await using file = await open(imagePath, "r");
    const part = Buffer.alloc(READ_BYTES);
    const sequences: number[] = [];
    for (let block = 0; block < this.#blocks; ) {
      const { bytesRead } = await file.read(part, 0, READ_BYTES, block * BLOCK_BYTES);
      if (bytesRead === 0) throw new Error(`${imagePath} ends before block ${block}`);
      for (let at = 0; at < bytesRead; at += BLOCK_BYTES, block++) {
        sequences.push(sequenceOf(part.subarray(at, at + BLOCK_BYTES), block));
      }
    }
    return sequences;
  }
}

/** 0 for a block never written. */
function sequenceOf(contents: Buffer, block: number): number {
  const says = readBlock(contents);
  if (says !== null && says.block === block) return says.sequence;
  if (contents.every((byte) => byte === 0)) return 0;
  throw new Error(`block ${block} is torn or holds another's contents: ${JSON.stringify(says)}`);
}
