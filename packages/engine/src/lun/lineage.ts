/**
 * The streams of a LUN (SPEC W2): which one gives out numbers now, from which it came, and where that one ended. What a
 * mirror says of itself is looked up here.
 */

import { formatStreamId, parseStreamId, type StreamId } from "../wire/stream-id.ts";
import type { LineageStep } from "../wire/stream-open.ts";
import { LINEAGE_STEPS } from "./mark.ts";

export class Lineage {
  private list: LineageStep[];
  private currentId: StreamId = { hi: 0, lo: 0 };
  /** Last number given out in the present stream. */
  last = 0;

  constructor(steps: readonly LineageStep[], last: number) {
    this.list = [...steps];
    this.last = last;
    const newest = this.list.at(-1);
    if (newest !== undefined) this.currentId = parseStreamId(newest.stream);
  }

  get steps(): readonly LineageStep[] {
    return this.list;
  }

  get current(): StreamId {
    return this.currentId;
  }

  /** Begins a stream where the present one ended. The caller makes the lineage stable before its first number. */
  beginChild(id: StreamId): void {
    const parent = this.list.at(-1);
    this.begin(id, {
      stream: formatStreamId(id),
      parent: parent?.stream ?? null,
      parentLast: parent === undefined ? 0 : this.last,
    });
  }

  /** Begins a stream that no mirror can stand at: all before it is forgotten. */
  beginFresh(id: StreamId): void {
    this.list = [];
    this.begin(id, { stream: formatStreamId(id), parent: null, parentLast: 0 });
  }

  /** The steps that open the streams behind `stream`, oldest first. */
  stepsAfter(stream: string): readonly LineageStep[] {
    const at = this.list.findIndex((step) => step.stream === stream);
    return at < 0 ? [] : this.list.slice(at + 1);
  }

  /** The last number of a stream: where its child began, or where the present one stands. */
  lastOf(stream: string): number {
    const child = this.list.find((step) => step.parent === stream);
    return child === undefined ? this.last : child.parentLast;
  }

  private begin(id: StreamId, step: LineageStep): void {
    this.list.push(step);
    if (this.list.length > LINEAGE_STEPS) this.list.splice(0, this.list.length - LINEAGE_STEPS);
    this.currentId = id;
    this.last = 0;
  }
}
