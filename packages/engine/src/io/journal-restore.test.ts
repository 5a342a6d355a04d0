import fs from "node:fs";
import { ErrorFilter } from "@lockstep/block";
import { MemoryDevice, Submitter } from "@lockstep/block/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeFrame, FrameKind, lunBytes } from "../wire/frame.ts";
import { formatStreamId } from "../wire/stream-id.ts";
import { JournalFile } from "./journal-file.ts";
import { restoreJournal } from "./journal-restore.ts";
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
  writeRecord,
} from "./testing/journal-records.ts";

const MIB = 2 ** 20;
let folder: string;
let device: MemoryDevice;

beforeEach(() => {
  folder = makeJournalFolder();
  device = new MemoryDevice(MIB, "later");
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const close = (journal: JournalFile) => new Promise<void>((resolve) => journal.close(resolve));

async function build(fill: (journal: JournalFile) => void): Promise<void> {
  const journal = JournalFile.fresh({ folder, limitBytes: MIB });
  fill(journal);
  await close(journal);
}

/** Restores, closes, and tells what came out; the requests of the journal that goes on. */
async function restore(stream = STREAM_A, last = 0, local: MemoryDevice | ErrorFilter = device) {
  const marked = { stream: formatStreamId(stream), last };
  const restored = await restoreJournal({ folder, limitBytes: MIB, lun: LUN }, local, marked);
  const { requests } = restored.journal;
  if (!restored.usable) await checkUnusable(restored.journal);
  await close(restored.journal);
  const number = restored.usable ? restored.lastNumber : restored.why;
  return [number, requests];
}

/** [O4] Its files stay until it is dropped; then it is as good as new. */
async function checkUnusable(journal: JournalFile): Promise<void> {
  expect(fs.readdirSync(folder).length).toBe(1);
  const record = writeRecord(STREAM_A, 1);
  expect(journal.append([record], 1, 1, 1)).toBe("io-error");
  journal.drop();
  expect(fs.readdirSync(folder)).toEqual([]);
  appendWrites(journal, STREAM_A, 1, 1);
  journal.drop();
}

describe("[R1] restoring a journal by the mark", () => {
  it("redoes it on the local copy, makes that stable, and goes on", async () => {
    const lun = lunBytes(LUN);
    await build((journal) => {
      appendWrites(journal, STREAM_A, 1, 6);
      for (const [number, kind] of [
        [7, FrameKind.zero],
        [8, FrameKind.unmap],
        [9, FrameKind.flush],
      ] as const) {
        const length = kind === FrameKind.flush ? 0 : 512;
        const offset = kind === FrameKind.flush ? 0 : (number - 5) * 4096;
        const record = encodeFrame(kind, lun, STREAM_A, number, offset, length, null);
        expect(journal.append([record], number, number, 1)).toBeNull();
      }
    });
    expect(await restore(STREAM_A, 4)).toEqual([9, 9]);
    const io = new Submitter(device);
    for (const number of [1, 4, 5, 6]) {
      expect(await io.read(number * 4096, 512)).toEqual(dataOf(number, 512));
    }
    for (const number of [2, 3])
      expect(await io.read(number * 4096, 512)).toEqual(Buffer.alloc(512));
    expect(device.unstableWrites).toBe(0);
  });

  it("takes the mark's word where the journal is empty", async () => {
    expect(await restore(STREAM_A, 41)).toEqual([41, 0]);
  });

  it("[W3] neither redoes numbers that were made void nor forgets them", async () => {
    await build((journal) => {
      appendWrites(journal, STREAM_A, 1, 3);
      appendMark(journal, markRecord(FrameKind.void, STREAM_A, 2), 2);
    });
    const marked = { stream: formatStreamId(STREAM_A), last: 0 };
    const options = { folder, limitBytes: MIB, lun: LUN };
    const restored = await restoreJournal(options, device, marked);
    const voids = [{ stream: STREAM_A, number: 2 }];
    expect(restored).toMatchObject({ usable: true, lastNumber: 3, voids });
    expect(await new Submitter(device).read(2 * 4096, 512)).toEqual(Buffer.alloc(512));
    await close(restored.journal);
  });

  it("treats a torn last record as void", async () => {
    await build((journal) => appendWrites(journal, STREAM_A, 1, 3));
    const file = `${folder}/${fs.readdirSync(folder)[0]}`;
    fs.truncateSync(file, fs.statSync(file).size - 1);
    expect(await restore()).toEqual([2, 2]);
  });

  it("knows where the marked stream stands, which may have given out no number", async () => {
    await build((journal) => {
      appendWrites(journal, STREAM_A, 1, 3);
      appendMark(journal, openRecord(STREAM_B, STREAM_A, 3));
    });
    expect(await restore(STREAM_A, 3)).toEqual([3, 3]);
    expect(await restore(STREAM_B, 0)).toEqual([0, 3]);
  });

  it("drops what doesn't fit the mark or is damaged, and says why", async () => {
    const fill = (journal: JournalFile) => appendWrites(journal, STREAM_A, 1, 3);
    await build(fill);
    expect(await restore(STREAM_A, 4)).toEqual(["the journal ends before the mark", 0]);
    await build(fill);
    expect(await restore(STREAM_B)).toEqual([
      "the journal and the mark are of different streams",
      0,
    ]);
    await build(fill);
    const file = `${folder}/${fs.readdirSync(folder)[0]}`;
    fs.writeFileSync(file, fs.readFileSync(file).fill(0xff, 100, 101));
    expect(await restore()).toEqual(["records of the journal are damaged or missing", 0]);
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it("gives up where the local copy fails", async () => {
    const filter = new ErrorFilter(device);
    await build((journal) => appendWrites(journal, STREAM_A, 1, 3));
    const error = { code: "medium-error", detail: "injected" } as const;
    filter.rules.add({ ops: ["write"], after: 1, error });
    expect(await restore(STREAM_A, 0, filter)).toEqual([
      "redoing failed: write at 8192: medium-error (injected)",
      0,
    ]);
  });
});
