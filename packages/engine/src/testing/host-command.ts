/** A host's command to a simulated LUN, and what became of it. */
import type { BlockError, BlockRequest } from "@lockstep/block";

export interface HostCommand {
  readonly request: BlockRequest;
  answered: boolean;
  error: BlockError | null;
  /** Places in the order of all that hosts began and were answered, from 1; 0 for an answer that did not come. */
  beganAt: number;
  answeredAt: number;
  /** The primary's process ended before it answered: whether it was carried out is not known. */
  isLost: boolean;
}

/** Is told of all commands. */
export interface HostWatch {
  /** Before the LUN gets it. */
  began(command: HostCommand): void;
  answered(command: HostCommand): void;
}
