import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ArrivalWindow, LOSS_SPAN } from "./arrival-window.ts";

describe("arrival window", () => {
  it("[H6] tells what was lost, late and duplicate, exactly", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 400 }), (arrives) => {
        const window = new ArrivalWindow();
        window.begin(0);
        let newest = 0;
        arrives.forEach((arrived, index) => {
          if (!arrived) return;
          newest = index + 1;
          expect(window.admit(newest)).toBe("new");
          expect(window.admit(newest)).toBe("duplicate");
        });
        const sent = [true, ...arrives].slice(0, newest + 1);
        expect(window.missed).toBe(sent.filter((arrived) => !arrived).length);
        const span = sent.slice(-LOSS_SPAN);
        expect(window.loss).toBe(span.filter((arrived) => !arrived).length / span.length);
      }),
    );
  });

  it("[H6] takes back a loss when the message comes late, once", () => {
    const window = new ArrivalWindow();
    window.begin(10);
    window.admit(13);
    expect(window.missed).toBe(2);
    expect(window.admit(12)).toBe("late");
    expect(window.admit(12)).toBe("duplicate");
    expect(window.admit(9)).toBe("duplicate");
    expect(window.missed).toBe(1);
    expect(window.loss).toBe(0.25);
  });

  it("[H6] has no jitter while messages keep their distance, and some when they do not", () => {
    const window = new ArrivalWindow();
    window.begin(0);
    expect(window.jitterMs).toBeNull();
    for (let i = 0; i < 50; i++) window.time(1000 + i * 20, i * 20);
    expect(window.jitterMs).toBe(0);
    window.time(2016, 50 * 20);
    expect(window.jitterMs).toBe(1);
  });
});
