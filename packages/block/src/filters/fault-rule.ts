/**
 * Which requests a fault filter acts on: by operation and place, after letting some by, a number of times. Tests and
 * drills add rules while the device is in use; the first that matches a request decides.
 */
import type { BlockOperation, BlockRequest } from "../device.ts";

export interface FaultRule {
  /** The operations it is about; all when left out. */
  readonly ops?: readonly BlockOperation[];
  /** Requests that touch this range of bytes; all when left out. A flush touches no range. */
  readonly range?: { readonly offset: number; readonly length: number };
  /** How many matching requests to let by first; 0 when left out. */
  readonly after?: number;
  /** How many to act on then; all when left out. */
  readonly times?: number;
}

interface Entry<Rule extends FaultRule> {
  readonly rule: Rule;
  seen: number;
}

function isAbout(rule: FaultRule, request: BlockRequest): boolean {
  if (rule.ops && !rule.ops.includes(request.op)) return false;
  if (!rule.range) return true;
  const { offset, length } = rule.range;
  return request.offset < offset + length && request.offset + request.length > offset;
}

export class FaultRules<Rule extends FaultRule> {
  #entries: Entry<Rule>[] = [];

  /** Adds a rule; what is returned takes it away again. */
  add(rule: Rule): () => void {
    const entry: Entry<Rule> = { rule, seen: 0 };
    this.#entries.push(entry);
    return () => {
      this.#entries = this.#entries.filter((other) => other !== entry);
    };
  }

  clear(): void {
    this.#entries = [];
  }

  /** The rule that acts on this request, or null. Every rule that is about it counts it. */
  match(request: BlockRequest): Rule | null {
    let acting: Rule | null = null;
    for (const entry of this.#entries) {
      if (!isAbout(entry.rule, request)) continue;
      const turn = entry.seen++ - (entry.rule.after ?? 0);
      const acts = turn >= 0 && turn < (entry.rule.times ?? Number.POSITIVE_INFINITY);
      if (acts && acting === null) acting = entry.rule;
    }
    return acting;
  }
}
