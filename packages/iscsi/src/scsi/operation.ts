/** What the opcode table says of one command, and how CDB fields are read. */
import type { Task } from "./task.ts";

/** Takes a command: `cdb` at `at` is only valid during the call. Ends the task, or lets it go on. */
export type Command = (task: Task, cdb: Buffer, at: number) => void;

export interface Operation {
  readonly run: Command;
  /**
   * CDB usage map (SPC-4 section 6.35.3): a bit for each bit of the CDB that means something; its length is the CDB's.
   * REPORT SUPPORTED OPERATION CODES shows it to hosts.
   */
  readonly usage: readonly number[];
  /** Runs without a logical unit, and before pending unit attentions (SAM-5 section 5.14). */
  readonly anyUnit?: true;
}

/** Longest transfer of one command, in blocks; the Block Limits page says so. */
export const MAX_TRANSFER_BLOCKS = 16_384;

/**
 * A 64-bit field as a number. Beyond 2^53 it is inexact, but still beyond every capacity, which is all that is asked.
 */
export function readUInt64(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}
