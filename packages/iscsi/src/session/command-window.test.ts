import { describe, expect, it } from "vitest";
import { CommandWindow } from "./command-window.ts";
import { COMMAND_WINDOW } from "./limits.ts";

describe("CommandWindow", () => {
  it("takes commands in order, over the end of the circle", () => {
    const window = new CommandWindow(0xffff_fffe);
    expect(window.maxCmdSn).toBe(COMMAND_WINDOW - 3);
    expect(window.admit(0xffff_fffe, false)).toBe("take");
    expect(window.admit(0xffff_ffff, false)).toBe("take");
    expect(window.admit(0, false)).toBe("take");
    expect(window.expCmdSn).toBe(1);
    expect(window.admit(0xffff_ffff, false)).toBe("ignore");
    expect(window.admit(3, false)).toBe("gap");
    expect(window.admit(1 + COMMAND_WINDOW, false)).toBe("ignore");
    expect(window.admit(77, true)).toBe("take");
    expect(window.expCmdSn).toBe(1);
  });

  it("never lets MaxCmdSN go back, and is shut when full", () => {
    const window = new CommandWindow(10);
    let last = window.maxCmdSn;
    for (let i = 0; i < COMMAND_WINDOW; i++) {
      expect(window.admit(10 + i, false)).toBe("take");
      window.taken++;
      expect(window.maxCmdSn).toBe(last);
    }
    expect(window.admit(10 + COMMAND_WINDOW, false)).toBe("ignore");
    window.taken--;
    last = window.maxCmdSn;
    expect(window.admit(10 + COMMAND_WINDOW, false)).toBe("take");
    expect(last).toBe(10 + COMMAND_WINDOW);
  });

  it("counts commands aborted before they came as received", () => {
    const window = new CommandWindow(5);
    expect(window.skip(6, 8)).toBe(true);
    expect(window.skip(8, 8)).toBe(false);
    expect(window.skip(4, 8)).toBe(false);
    expect(window.admit(5, false)).toBe("take");
    expect(window.expCmdSn).toBe(7);
    expect(window.admit(6, false)).toBe("ignore");
    const moved = new CommandWindow(7, [8]);
    expect(moved.skipped).toEqual([8]);
    moved.admit(7, false);
    expect(moved.expCmdSn).toBe(9);
  });
});
