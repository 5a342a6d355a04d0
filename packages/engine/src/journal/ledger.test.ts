import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JournalLedger } from "./ledger.ts";

const MIB = 2 ** 20;

describe("[R7] journal ledger", () => {
  it("counts what was appended and not passed, to a mebibyte", () => {
    const record = fc.record({
      bytes: fc.integer({ min: 64, max: 3 * MIB }),
      turns: fc.boolean(),
      passes: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 60 }), (records) => {
        const ledger = new JournalLedger();
        const all: { turn: number; number: number; bytes: number }[] = [];
        let turn = 0;
        let number = 0;
        let passed = 0;
        for (const { bytes, turns, passes } of records) {
          if (turns) {
            turn++;
            number = 0;
          }
          ledger.append(0, turn, ++number, 1, bytes);
          all.push({ turn, number, bytes });
          passed = Math.min(passed + passes, all.length);
          const last = all[passed - 1];
          if (last) ledger.pass(0, last.turn, last.number);
          const rest = all.slice(passed);
          const exact = rest.reduce((sum, item) => sum + item.bytes, 0);
          expect(ledger.requests).toBeGreaterThanOrEqual(rest.length);
          expect(ledger.bytes - exact).toBeGreaterThanOrEqual(0);
          expect(ledger.bytes - exact).toBeLessThanOrEqual(MIB);
          if (rest.length === 0) expect([ledger.bytes, ledger.requests]).toEqual([0, 0]);
        }
      }),
    );
  });

  it("ignores streams that it doesn't hold, and old news", () => {
    const ledger = new JournalLedger();
    ledger.append(1, 1, 5, 1, 4096);
    ledger.append(2, 2, 1, 1, 4096);
    ledger.pass(3, 3, 100);
    expect(ledger.requests).toBe(2);
    ledger.pass(2, 2, 1);
    ledger.pass(1, 1, 5);
    expect([ledger.bytes, ledger.requests, ledger.turn]).toEqual([0, 0, 1]);
    expect(ledger.isPassed(0, 5)).toBe(true);
    expect(ledger.isPassed(1, 2)).toBe(false);
  });

  it("does not wait for numbers behind what was made void late", () => {
    const ledger = new JournalLedger();
    ledger.append(1, 1, 7, 7, 4096);
    ledger.count(3, 0, 64);
    ledger.pass(1, 1, 7);
    expect([ledger.bytes, ledger.requests]).toEqual([0, 0]);
  });
});
