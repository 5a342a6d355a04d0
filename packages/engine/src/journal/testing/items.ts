/** Journal items for tests: streams A, B and C, and numbers that each have a block of their own. */
import type { JournalItem, Place } from "../record.ts";
import { JournalRecovery } from "../recovery.ts";

const A = { hi: 0xa, lo: 1 };
const B = { hi: 0xb, lo: 2 };
const C = { hi: 0xc, lo: 3 };
export const text = { A: "0000000a00000001", B: "0000000b00000002", C: "0000000c00000003" };
export type Name = keyof typeof text;
const ids = { A, B, C };
/** Each number has a block of its own, so that dirty ranges tell numbers. */
export const BLOCK = 4096;
export const blockOf = (name: Name, number: number) => ("ABC".indexOf(name) * 100 + number) * BLOCK;

export const write = (name: Name, number: number): JournalItem => ({
  is: "record",
  stream: ids[name],
  number,
  offset: blockOf(name, number),
  length: BLOCK,
  isVoid: false,
});
export const voided = (name: Name, number: number): JournalItem => ({
  is: "record",
  stream: ids[name],
  number,
  offset: 0,
  length: 0,
  isVoid: true,
});
export const damaged = (name: Name, number: number): JournalItem => ({
  is: "damaged",
  stream: ids[name],
  number,
  offset: blockOf(name, number),
  length: BLOCK,
});
export const open = (name: Name, parent: Name | null, parentLast: number): JournalItem => ({
  is: "open",
  step: { stream: text[name], parent: parent === null ? null : text[parent], parentLast },
});
export const stable = (name: Name, number: number): JournalItem => ({
  is: "stable",
  stream: ids[name],
  number,
});
export const unreadable: JournalItem = { is: "unreadable" };
export const foreign: JournalItem = { is: "foreign" };
export const torn: JournalItem = { is: "torn" };

export class Dirty {
  readonly blocks = new Set<number>();
  all = false;
  setRange(offset: number) {
    this.blocks.add(offset / BLOCK);
  }
  setAll() {
    this.all = true;
  }
}

export function recover(items: readonly JournalItem[]) {
  const dirty = new Dirty();
  const recovery = new JournalRecovery(dirty);
  const place = (offset: number): Place => ({ segment: 1, offset });
  const cases = items.map((item, index) => recovery.push(item, place(index)));
  return { cases, outcome: recovery.decide(place(items.length)), dirty };
}

export const nameOf = (id: { lo: number }) => "?ABC"[id.lo] as Name;
