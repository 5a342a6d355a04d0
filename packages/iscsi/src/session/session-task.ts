/** A SCSI task with what its transfer over iSCSI needs: which data has come, and where its answer will lie. */
import type { Slab } from "../pdu/slab.ts";
import { Task } from "../scsi/task.ts";

export class SessionTask extends Task {
  // Data-out: offsets count from the begin of the command's data, in bytes.
  /** How much the command needs. */
  wanted = 0;
  /** The next offset awaited. */
  received = 0;
  /** Where the present sequence ends. */
  sequenceEnd = 0;
  /** DataSN awaited next in the present sequence. */
  dataSn = 0;
  /** Tag of the outstanding R2T; NO_TAG when there is none. */
  targetTag = 0;
  r2tSn = 0;
  /** Unsolicited Data-Out PDUs are still to come. */
  unsolicitedOpen = false;
  /** The status is known and waits for the end of the sequence: what still comes is dropped. */
  concluded = false;
  /** Bytes that count against the session's gathering bound. */
  gatheringBytes = 0;

  // Data-in: the header's place in `slab`, the data behind it.
  slab: Slab | null = null;
  slabAt = 0;
  reservedBytes = 0;

  /** Found by its tag. */
  listed = false;
  /** Takes a place in the command window, or among the immediate commands. */
  inWindow = false;
  /** Waiting for this task to be gone, after an abort. */
  onGone: (() => void) | null = null;

  override reset(): void {
    super.reset();
    this.wanted = 0;
    this.received = 0;
    this.sequenceEnd = 0;
    this.dataSn = 0;
    this.r2tSn = 0;
    this.unsolicitedOpen = false;
    this.concluded = false;
    this.gatheringBytes = 0;
    this.slab = null;
    this.reservedBytes = 0;
    this.listed = false;
    this.onGone = null;
  }
}
