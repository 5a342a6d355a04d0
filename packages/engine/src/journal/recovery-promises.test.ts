import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JournalItem } from "./record.ts";
import { isWithin, JournalRecovery, RECOVERY_TABLE, type RecoveryCase } from "./recovery.ts";
import {
  BLOCK,
  Dirty,
  damaged,
  type Name,
  nameOf,
  open,
  recover,
  stable,
  text,
  torn,
  unreadable,
  voided,
  write,
} from "./testing/items.ts";

/** One step of building a journal: the items it may hold next, given what it holds. */
interface Written {
  items: JournalItem[];
  stream: Name;
  last: number;
}

const isBegun = ({ items }: Written) =>
  items.some((item) => item.is === "record" || item.is === "open");

const moves: ((journal: Written) => Written | null)[] = [
  (j) => put(j, write(j.stream, j.last + 1), j.last + 1),
  (j) => put(j, write(j.stream, j.last + 2), j.last + 2),
  (j) => (j.last === 0 ? null : put(j, write(j.stream, j.last), j.last)),
  (j) => (isBegun(j) ? put(j, write(j.stream === "A" ? "B" : "A", 1), j.last) : null),
  (j) => put(j, voided(j.stream, j.last), j.last),
  (j) => put(j, damaged(j.stream, j.last + 1), j.last + 1),
  (j) => put(j, unreadable, j.last + 1),
  (j) => put(j, stable(j.stream, j.last), j.last),
  (j) => (j.last === 0 ? null : put(j, stable(j.stream, j.last - 1), j.last)),
  (j) => put(j, stable(j.stream, j.last + 1), j.last),
  (j) => turn(j, j.last),
  (j) => turn(j, j.last + 1),
];

function put(journal: Written, item: JournalItem, last: number): Written {
  return { items: [...journal.items, item], stream: journal.stream, last };
}

function turn(journal: Written, parentLast: number): Written | null {
  const next = ({ A: "B", B: "C", C: null } as const)[journal.stream];
  if (next === null) return null;
  const items = [...journal.items, open(next, journal.stream, parentLast)];
  return { items, stream: next, last: 0 };
}

/**
 * What must hold whatever the journal looks like, in terms of its whole records alone. A record follows another when
 * it has the next number, or is the first behind an opening record that names the other's number as its parent's last.
 */
function checkInvariants(items: readonly JournalItem[]): void {
  const { cases, outcome, dirty } = recover(items);
  const cut = outcome.truncateAt?.offset ?? 0;
  const broken = cases.findIndex((found) =>
    ["restart", "end", "stop"].includes(RECOVERY_TABLE[found].run),
  );
  if (broken >= 0) expect(cut).toBeLessThanOrEqual(broken);
  let previous: { stream: string; number: number } | null = null;
  for (const [index, item] of items.entries()) {
    if (item.is === "open" && index < cut && previous !== null) {
      expect(item.step.parentLast).toBe(previous.number);
    }
    if (item.is === "open") previous = { stream: item.step.stream, number: 0 };
    if (item.is !== "record" || (item.isVoid && item.number <= (previous?.number ?? 0))) continue;
    const stream = text[nameOf(item.stream)];
    // All that is kept for replay is an unbroken run; all readable behind it is dirty.
    if (index < cut && previous !== null) {
      expect([stream, item.number]).toEqual([previous.stream, previous.number + 1]);
    }
    const isDirty = dirty.all || item.length === 0 || dirty.blocks.has(item.offset / BLOCK);
    if (index >= cut) expect(isDirty).toBe(true);
    previous = { stream, number: item.number };
  }
  for (const item of items.slice(cut)) {
    if (item.is === "unreadable") expect(dirty.all).toBe(true);
    if (item.is === "damaged")
      expect(dirty.all || dirty.blocks.has(item.offset / BLOCK)).toBe(true);
  }
  if (outcome.condition === "whole") expect(outcome.isDirty).toBe(false);
  checkRedo(items, cases);
}

/** A record as the oracle sees it: streams begin in the order of their names, so that "A:9" is before "B:1". */
interface Seen {
  at: [Name, number];
  /** What it must follow. */
  after: [Name, number];
  /** Breaks that stand before it. */
  breaks: number;
}

const precedes = (a: [Name, number], b: [Name, number]) =>
  a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);

/** What is to be redone, said another way: from the record that follows the mark, on to the next break. */
function redoByOracle(items: readonly JournalItem[], cases: readonly RecoveryCase[]): string[] {
  const seen: Seen[] = [];
  let opened: [Name, number] | null = null;
  let breaks = 0;
  let mark: [Name, number] | null = null;
  for (const [index, item] of items.entries()) {
    if (item.is === "stable") {
      const at: [Name, number] = [nameOf(item.stream), item.number];
      if (mark === null || precedes(mark, at)) mark = at;
    }
    const found = cases[index] as RecoveryCase;
    if (["restart", "end", "stop"].includes(RECOVERY_TABLE[found].run)) breaks++;
    if (item.is === "open" && (item.step.parentLast > 0 || opened === null)) {
      opened = [item.step.parent?.[7]?.toUpperCase() as Name, item.step.parentLast];
    }
    if (item.is !== "record" || !["next", "gap", "resume"].includes(found)) continue;
    const name = nameOf(item.stream);
    const follows: [Name, number] = item.number === 1 && opened ? opened : [name, item.number - 1];
    seen.push({ at: [name, item.number], after: follows, breaks });
  }
  const from = mark;
  const start = seen.findIndex(({ at, after, breaks: count }) =>
    from === null ? count === 0 : !precedes(from, after) && precedes(from, at),
  );
  const first = seen[start];
  if (first === undefined) return [];
  return seen
    .slice(start)
    .filter(({ breaks: count }) => count === first.breaks)
    .map(({ at }) => at.join(":"));
}

function checkRedo(items: readonly JournalItem[], cases: readonly RecoveryCase[]): void {
  const { outcome } = recover(items);
  const again = new JournalRecovery(new Dirty());
  const redone: string[] = [];
  for (const [index, item] of items.entries()) {
    const found = again.push(item, { segment: 1, offset: index });
    if (item.is !== "record" || !["next", "gap", "resume"].includes(found)) continue;
    if (again.position === null || outcome.redo === null) continue;
    if (!isWithin(outcome.redo, again.position)) continue;
    redone.push(`${nameOf(item.stream)}:${item.number}`);
  }
  expect(redone, JSON.stringify(items)).toEqual(redoByOracle(items, cases));
}

const start = (begin: number): Written => ({ items: [], stream: "A", last: begin - 1 });

describe("[O3] recovery keeps its promises", () => {
  for (const begin of [1, 4]) {
    it(`over all journals of up to four items that begin at number ${begin}`, () => {
      let journals = [start(begin)];
      let count = 0;
      for (let length = 1; length <= 4; length++) {
        journals = journals.flatMap((journal) =>
          moves.map((move) => move(journal)).filter((next) => next !== null),
        );
        for (const { items } of journals) {
          checkInvariants(items);
          checkInvariants([...items, torn]);
        }
        count += journals.length;
      }
      expect(count).toBeGreaterThan(10_000);
    });
  }

  it("over random longer journals", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(moves.length - 1), { minLength: 5, maxLength: 16 }), (chosen) => {
        let journal = start(1);
        for (const index of chosen) journal = moves[index]?.(journal) ?? journal;
        checkInvariants(journal.items);
      }),
      { numRuns: 3000 },
    );
  });
});
