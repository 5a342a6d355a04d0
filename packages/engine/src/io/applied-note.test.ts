/** The note of the number applied last (SPEC R1, W2): a store into a file, whole at every moment. */
import { fork } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MappedNote } from "./applied-note.ts";

let folder: string;
let file: string;
const notes: MappedNote[] = [];
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "applied-note-"));
  file = path.join(folder, "applied");
});
afterEach(() => {
  for (const note of notes.splice(0)) note.close();
  fs.rmSync(folder, { recursive: true });
});

function open(): MappedNote {
  const note = new MappedNote(file);
  notes.push(note);
  return note;
}

describe("an applied note", () => {
  it("[R1] knows nothing at first, and all that was noted once it is opened again", () => {
    const note = open();
    expect([note.stream, note.applied]).toEqual([null, 0]);
    const first = { hi: 0xffff_ffff, lo: 1 };
    note.turn(first, 0);
    note.set(2 ** 53 - 1);
    expect([open().stream, open().applied]).toEqual([first, 2 ** 53 - 1]);
    const second = { hi: 0, lo: 2 };
    note.turn(second, 7);
    expect([note.stream, note.applied]).toEqual([second, 7]);
    note.set(8);
    const again = open();
    expect([again.stream, again.applied]).toEqual([second, 8]);
    again.turn(first, 3);
    expect([open().stream, open().applied]).toEqual([first, 3]);
  });

  it("[R1] [W2] turns to another stream in one step: all else is written before", () => {
    open().turn({ hi: 1, lo: 1 }, 5);
    const before = fs.readFileSync(file);
    open().turn({ hi: 2, lo: 2 }, 0);
    const after = fs.readFileSync(file);
    // With everything but the word that says the valid slot, the old stream stands as it was.
    const torn = Buffer.from(after);
    before.copy(torn, 0, 0, 8);
    fs.writeFileSync(file, torn);
    expect([open().stream, open().applied]).toEqual([{ hi: 1, lo: 1 }, 5]);
  });

  it("[R1] outlives a process that is killed", async () => {
    const child = fork(new URL("./testing/note-for-ever.ts", import.meta.url), [file], {
      execArgv: [],
    });
    await once(child, "message");
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(open().stream).toEqual({ hi: 3, lo: 4 });
    expect(open().applied).toBeGreaterThanOrEqual(1000);
  });

  it("has its room on the disk before it is used: a full one is an error, not a signal", () => {
    open();
    expect(fs.statSync(file)).toMatchObject({ size: 4096 });
    expect(fs.statSync(file).blocks).toBeGreaterThan(0);
    fs.truncateSync(file, 100);
    open();
    expect(fs.statSync(file)).toMatchObject({ size: 4096 });
  });

  it("says why it could not be opened", () => {
    expect(() => new MappedNote(folder)).toThrow("EISDIR");
    expect(() => new MappedNote(path.join(folder, "none", "applied"))).toThrow("ENOENT");
    expect(() => new MappedNote("/dev/null")).toThrow("can't be mapped");
  });
});
