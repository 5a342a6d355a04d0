/**
 * What a journal is made of, as recovery sees it: records in the order of the file, and whatever is there instead of
 * one. A place is where it begins.
 */

import type { StreamId } from "../wire/stream-id.ts";
import type { LineageStep } from "../wire/stream-open.ts";

/** Where a record begins: the segment's sequence number, and bytes from that segment's begin. */
export interface Place {
  readonly segment: number;
  readonly offset: number;
}

/** A mirror request, or its number made void. `length` is 0 where nothing is changed. */
export interface RecordItem {
  readonly is: "record";
  readonly stream: StreamId;
  readonly number: number;
  readonly offset: number;
  readonly length: number;
  readonly isVoid: boolean;
}

export type JournalItem =
  | RecordItem
  /** A stream begins. */
  | { readonly is: "open"; readonly step: LineageStep }
  /** The local copy is stable up to this number. */
  | { readonly is: "stable"; readonly stream: StreamId; readonly number: number }
  /** The header is whole, the payload isn't. */
  | (Omit<RecordItem, "is" | "isVoid"> & { readonly is: "damaged" })
  /** A whole record that doesn't belong here: of another LUN, or of a kind that no journal holds. */
  | { readonly is: "foreign" }
  /** A broken header, a segment that ends within a record, a missing segment: what was here is not known. */
  | { readonly is: "unreadable" }
  /** The last segment ends within a record: its append was cut short, so that nobody was answered (SPEC R1: void). */
  | { readonly is: "torn" };
