import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RegionSink } from "../journal/recovery.ts";
import { FrameKind } from "../wire/frame.ts";
import { JournalFile } from "./journal-file.ts";
import { recoverJournal } from "./journal-recovery.ts";
import {
  appendMark,
  appendWrites,
  dataOf,
  LUN,
  makeJournalFolder,
  markRecord,
  openRecord,
  STREAM_A,
  STREAM_B,
} from "./testing/journal-records.ts";

const MIB = 2 ** 20;
let folder: string;

beforeEach(() => {
  folder = makeJournalFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const options = (limitBytes = 64 * MIB) => ({ folder, limitBytes, lun: LUN });
const close = (journal: JournalFile) => new Promise<void>((resolve) => journal.close(resolve));
const files = () =>
  fs
    .readdirSync(folder)
    .sort()
    .map((name) => path.join(folder, name));

class Dirty implements RegionSink {
  readonly offsets: number[] = [];
  all = false;
  setRange(offset: number) {
    this.offsets.push(offset);
  }
  setAll() {
    this.all = true;
  }
}

/** Recovers, checking that what is redone is whole and in order. */
async function recover(limitBytes?: number) {
  const dirty = new Dirty();
  const redone: number[] = [];
  const { outcome, open } = await recoverJournal(
    { ...options(limitBytes), dirty },
    (header, payload) => {
      expect(payload.equals(dataOf(header.number, header.length))).toBe(true);
      expect(header.offset).toBe(header.number * 4096);
      redone.push(header.number);
    },
  );
  return { outcome, open, redone, dirty };
}

const range = (first: number, last: number) =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);

async function build(fill: (journal: JournalFile) => void, limitBytes?: number): Promise<void> {
  const journal = JournalFile.fresh(options(limitBytes));
  fill(journal);
  await close(journal);
}

describe("[O3] recovering a journal", () => {
  it("redoes all of a whole one, across segments, and goes on behind it", async () => {
    await build((journal) => appendWrites(journal, STREAM_A, 4, 15, 512 * 1024), 8 * MIB);
    expect(files().length).toBeGreaterThan(3);
    const { outcome, redone, dirty, open } = await recover(8 * MIB);
    expect(redone).toEqual(range(4, 15));
    expect(outcome).toMatchObject({ condition: "whole", isDirty: false });
    expect(outcome.usableThrough).toEqual({ stream: STREAM_A, number: 15 });
    expect(dirty.all).toBe(false);
    const journal = open();
    expect(journal.requests).toBe(12);
    appendMark(journal, openRecord(STREAM_B, STREAM_A, 15));
    appendWrites(journal, STREAM_B, 1, 2);
    journal.trim(STREAM_A, 9);
    await close(journal);
    const again = await recover(8 * MIB);
    expect(again.outcome.condition).toBe("whole");
    expect(again.redone).toEqual([...range(again.redone[0] as number, 15), 1, 2]);
    expect(again.redone[0]).toBeLessThanOrEqual(10);
    await close(again.open());
  });

  it("is an empty one where nothing was, or the folder is missing", async () => {
    const { outcome, open } = await recover();
    expect([outcome.usableThrough, outcome.condition]).toEqual([null, "whole"]);
    await close(open());
  });

  it("redoes only what is behind the stable mark, and nothing that was made void", async () => {
    await build((journal) => {
      appendWrites(journal, STREAM_A, 1, 6);
      appendMark(journal, markRecord(FrameKind.void, STREAM_A, 5), 5);
      appendMark(journal, markRecord(FrameKind.stable, STREAM_A, 3));
      appendWrites(journal, STREAM_A, 7, 7);
    });
    const { outcome, redone, open } = await recover();
    expect(redone).toEqual([4, 6, 7]);
    expect(outcome.voids).toEqual([{ stream: STREAM_A, number: 5 }]);
    const journal = open();
    expect(journal.requests).toBe(7);
    await close(journal);
  });

  it("waits for each record to be redone before the next", async () => {
    await build((journal) => appendWrites(journal, STREAM_A, 1, 5));
    let underWay = 0;
    await recoverJournal({ ...options(), dirty: new Dirty() }, async () => {
      expect(++underWay).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
    });
  });

  it("takes records of another LUN for unusable", async () => {
    await build((journal) => appendWrites(journal, STREAM_A, 1, 5));
    const dirty = new Dirty();
    const lun = "99999999-2222-3333-4444-555555555555";
    const { outcome } = await recoverJournal({ ...options(), lun, dirty }, () =>
      expect.unreachable(),
    );
    expect([outcome.usableThrough, dirty.all]).toEqual([null, true]);
  });

  it("notices a missing segment", async () => {
    await build((journal) => appendWrites(journal, STREAM_A, 1, 12, 512 * 1024), 8 * MIB);
    fs.unlinkSync(files()[1] as string);
    const { outcome, redone, dirty, open } = await recover(8 * MIB);
    expect(outcome.condition).toBe("unusable");
    expect(redone).toEqual(range(1, redone.length));
    expect(redone.length).toBeLessThan(12);
    expect(dirty.all).toBe(true);
    const journal = open();
    expect(files().length).toBe(1);
    await close(journal);
    expect((await recover(8 * MIB)).outcome.condition).toBe("whole");
  });

  it("can do nothing with a segment that can't be read", async () => {
    await build((journal) => appendWrites(journal, STREAM_A, 1, 2));
    const [file] = files();
    fs.unlinkSync(file as string);
    fs.mkdirSync(file as string);
    const { outcome, dirty } = await recover();
    expect([outcome.usableThrough, dirty.all]).toEqual([null, true]);
  });
});

describe("[O3] a journal cut off anywhere", () => {
  it("keeps the whole records before the cut, and can be gone on with", async () => {
    const RECORD = 64 + 128;
    await build((journal) => appendWrites(journal, STREAM_A, 1, 4, 128));
    const [file] = files() as [string];
    const whole = fs.readFileSync(file);
    for (let length = 0; length <= whole.length; length++) {
      fs.writeFileSync(file, whole.subarray(0, length));
      const kept = Math.floor(length / RECORD);
      const { outcome, redone, dirty, open } = await recover();
      expect(redone).toEqual(range(1, kept));
      expect(outcome.condition).toBe(length % RECORD === 0 ? "whole" : "torn");
      expect(dirty.all || dirty.offsets.length > 0).toBe(false);
      if (length % 61 !== 0) continue;
      const journal = open();
      appendWrites(journal, STREAM_A, kept + 1, 5, 128);
      await close(journal);
      expect((await recover()).redone).toEqual(range(1, 5));
      for (const name of files()) fs.unlinkSync(name);
    }
  });
});

describe("[O3] a journal with a flipped bit", () => {
  it("redoes an unbroken run, makes dirty what is behind, and is whole once opened", async () => {
    await build((journal) => {
      appendWrites(journal, STREAM_A, 1, 6);
      appendMark(journal, openRecord(STREAM_B, STREAM_A, 6));
      appendWrites(journal, STREAM_B, 1, 3);
    });
    const [file] = files() as [string];
    const whole = fs.readFileSync(file);
    const expected = [...range(1, 6), 1, 2, 3];
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length * 8 - 1), async (bit) => {
        const damaged = Buffer.from(whole);
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        for (const name of files()) fs.unlinkSync(name);
        fs.writeFileSync(file, damaged);
        const { outcome, redone, dirty, open } = await recover();
        expect(outcome.condition).toBe("unusable");
        expect(redone).toEqual(expected.slice(0, redone.length));
        expect(redone.length).toBeLessThan(expected.length + (dirty.all ? 1 : 0));
        const rest = expected.slice(redone.length).map((number) => number * 4096);
        if (!dirty.all) expect(dirty.offsets).toEqual(rest);
        await close(open());
        const again = await recover();
        expect(again.outcome.condition).toBe("whole");
        expect(again.redone).toEqual(redone);
      }),
      { numRuns: 150 },
    );
  });
});

describe("[O3] a process killed while it appends", () => {
  it("has in its journal all that it had acknowledged", async () => {
    const child = spawn(
      process.execPath,
      [path.join(import.meta.dirname, "testing", "append-for-ever.ts"), folder],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let output = "";
    await new Promise<void>((resolve, reject) => {
      child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString();
        if (output.length > 20_000) child.kill("SIGKILL");
      });
      child.on("exit", (_code, signal) =>
        signal === "SIGKILL" ? resolve() : reject(new Error("the child ended by itself")),
      );
    });
    const acknowledged = Number(output.slice(0, output.lastIndexOf("\n")).split("\n").at(-1));
    expect(acknowledged).toBeGreaterThan(1000);
    const { outcome, redone } = await recover();
    expect(outcome.condition).not.toBe("unusable");
    expect(redone.length).toBeGreaterThanOrEqual(acknowledged);
    expect(redone).toEqual(range(1, redone.length));
  });
});
