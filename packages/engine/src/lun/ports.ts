/**
 * What a mirrored LUN needs from the world, as interfaces: production gives files, sockets and the monotonic clock, the
 * simulator gives its own. Nothing here blocks; whatever takes time calls back.
 */
import type { OutageCause, OutagePhaseKind } from "@lockstep/model";
import type { FrameHeader } from "../wire/frame.ts";
import type { StreamId } from "../wire/stream-id.ts";
import type { LunMark } from "./mark.ts";

export type JournalError = "full" | "no-space" | "io-error";

/** The durable queue of mirror requests (SPEC "journal"). Records are frames, byte for byte. */
export interface LunJournal {
  readonly bytes: number;
  readonly requests: number;
  readonly limitBytes: number;
  /** Appends whole records; all of them are in the file when it returns null, none when it returns an error. */
  append(
    buffers: readonly Buffer[],
    firstNumber: number,
    lastNumber: number,
    requests: number,
    bytes: number,
  ): JournalError | null;
  /** Makes all appended so far stable; calls are grouped. */
  sync(done: (error: JournalError | null) => void): void;
  /** Reads records in order, from the one after `number` of `stream`, also those appended meanwhile. */
  readerAfter(stream: StreamId, number: number): JournalReader;
  /** The mirror has applied `stream` up to `number`: segments wholly behind that go. */
  trim(stream: StreamId, number: number): void;
  /** Whether nothing is missing behind `number` of `stream`, whose last number is `last`. */
  reaches(stream: StreamId, number: number, last: number): boolean;
  /** Forgets everything. */
  drop(): void;
  setLimit(bytes: number): void;
}

export interface JournalReader {
  /** The next whole records in one buffer; null when the end is reached for now; an error ends the reader. */
  next(done: (error: JournalError | null, records: Buffer | null) => void): void;
  close(): void;
}

/** Keeps a LUN's mark, stable, in two checksummed copies (SPEC R1, G1). Later writes replace earlier ones. */
export interface MarkStore {
  write(mark: LunMark, done: (error: string | null) => void): void;
}

/** This LUN's way to its mirror: its part of the worker's connection. */
export interface MirrorPort {
  /** Queues a frame behind all sent before. The buffers are kept until the kernel has taken them. */
  send(header: Buffer, payload: Buffer | null): void;
  /** Sends whole frames that lie one behind the other. */
  sendRecords(records: Buffer): void;
}

/** A frame from the mirror for this LUN. */
export type MirrorAnswer = (header: FrameHeader, payload: Buffer) => void;

/** Facts of an outage as the LUN knows them (SPEC O7). Times on the monotonic clock, ms. */
export interface OutageFacts {
  cause: OutageCause;
  begunAt: number;
  detectedAt: number;
  phase: OutagePhaseKind;
  peakBytes: number;
  peakRequests: number;
  healBytes: number;
  longestHostWaitMs: number;
  healed: boolean;
}

/** Told of what happens to a LUN; must return at once. */
export interface LunReporter {
  /** The LUN's outer state, reason or outage may have changed. */
  changed(): void;
  event(
    kind: "copy-began" | "copy-ended" | "storage-error" | "journal-full",
    severity: "info" | "warning" | "error",
    message: string,
  ): void;
}

/** The world of one LUN. */
export interface LunWorld {
  /** Monotonic milliseconds. */
  now(): number;
  /** Age of the peer's last heartbeat, ms. */
  heardAgoMs(): number;
  /** A new random stream id. */
  newStream(): StreamId;
  /** Runs `task` after the I/O that is waiting (setImmediate). */
  defer(task: () => void): void;
  readonly kernelBootId: string;
}
