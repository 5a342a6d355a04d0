/**
 * The block device: the one interface between those who ask (SCSI commands, the mirror) and those who store (files,
 * block devices, filters). Requests complete through a method of the request itself, perhaps before `submit` returns,
 * so that a device that answers at once costs no promise, closure or turn of the event loop. A device has one owner
 * thread; nothing here is shared between threads.
 */

/** `zero` leaves zeroes that take space; `unmap` leaves zeroes and gives the space back where it can. */
export type BlockOperation = "read" | "write" | "zero" | "unmap" | "flush";

export type BlockErrorCode =
  /** The medium failed (EIO): SCSI medium error. */
  | "medium-error"
  /** No space left below (ENOSPC, EDQUOT). */
  | "no-space"
  /** Beyond the end of the device. */
  | "out-of-range"
  /** The device may not be used at present. */
  | "not-ready"
  /** Given up on request, before it changed anything. */
  | "aborted";

/** Why a request failed. A value of the world, not an exception. */
export interface BlockError {
  readonly code: BlockErrorCode;
  /** For the log: the system's error code, where there is one. */
  readonly detail: string;
}

export interface BlockRequest {
  readonly op: BlockOperation;
  /** Bytes from the device's begin; a multiple of `blockSize`. 0 for `flush`. */
  readonly offset: number;
  /** Bytes; a multiple of `blockSize`. 0 for `flush`: a flush covers all that was completed before it. */
  readonly length: number;
  /**
   * `read`: where the data goes. `write`: the data; whoever submits gives it away and never changes it again, for the
   * mirror's window may keep it after completion. Exactly `length` bytes; null for the other operations.
   */
  readonly buffer: Buffer | null;
  /** Stable before completion (FUA): as if a flush of this range followed. */
  readonly fua: boolean;
  /** Called exactly once by the device. */
  complete(error: BlockError | null): void;
}

/** A run of bytes that holds data, or reads as zeroes because nothing was ever written (a hole). */
export interface Extent {
  readonly offset: number;
  readonly length: number;
  readonly data: boolean;
}

export interface BlockDevice {
  /** Logical block size in bytes. */
  readonly blockSize: number;
  /** Present size in bytes. */
  readonly sizeBytes: number;
  /** Starts a request. Requests that overlap may be carried out in any order; submitters keep order where it matters. */
  submit(request: BlockRequest): void;
  /** Changes the size, in bytes; what is added reads as zeroes. `done` may be called before it returns. */
  resize(sizeBytes: number, done: (error: BlockError | null) => void): void;
  /** The extent that `offset` lies in, cut at the device's end. A device that knows no holes says all is data. */
  extentAt(offset: number): Extent;
  /** Ends all under way, then releases the backing. Idempotent. */
  close(done: (error: BlockError | null) => void): void;
}
