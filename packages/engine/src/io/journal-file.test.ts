import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { JournalError, JournalReader } from "../lun/ports.ts";
import { decodeHeader, emptyHeader, FrameKind, HEADER_BYTES } from "../wire/frame.ts";
import type { StreamId } from "../wire/stream-id.ts";
import { JournalFile } from "./journal-file.ts";
import {
  appendMark,
  appendWrites,
  makeJournalFolder,
  markRecord,
  openRecord,
  STREAM_A,
  STREAM_B,
  writeRecord,
} from "./testing/journal-records.ts";

const MIB = 2 ** 20;
const KIB = 2 ** 10;
let folder: string;
let journal: JournalFile;

beforeEach(() => {
  folder = path.join(makeJournalFolder(), "lun");
  journal = JournalFile.fresh({ folder, limitBytes: 64 * MIB });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await new Promise<void>((resolve) => journal.close(resolve));
  fs.rmSync(path.dirname(folder), { recursive: true });
});

const segments = () => fs.readdirSync(folder).sort();
const sync = () => new Promise<JournalError | null>((resolve) => journal.sync(resolve));
const systemError = (code: string) => Object.assign(new Error(code), { code, syscall: "call" });

const next = (reader: JournalReader) =>
  new Promise<{ error: JournalError | null; records: Buffer | null }>((resolve) =>
    reader.next((error, records) => resolve({ error, records })),
  );

function numbersIn(records: Buffer): [string, number][] {
  const names = new Map<number, string>(
    Object.entries(FrameKind).map(([name, kind]) => [kind, name]),
  );
  const header = emptyHeader();
  const found: [string, number][] = [];
  for (let at = 0; at < records.length; at += HEADER_BYTES + header.payloadLength) {
    expect(decodeHeader(records, at, header)).toBeNull();
    found.push([names.get(header.kind) ?? "?", header.number]);
  }
  return found;
}

/** Reads to the present end. */
async function readAll(stream: StreamId, number: number) {
  const reader = journal.readerAfter(stream, number);
  const found: [string, number][] = [];
  for (;;) {
    const { error, records } = await next(reader);
    if (error !== null) return error;
    if (records === null) break;
    found.push(...numbersIn(records));
  }
  reader.close();
  return found;
}

const writes = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => ["write", first + index]);

describe("[O3] journal file: appending", () => {
  it("keeps the very bytes of the frames, many in one call", async () => {
    const records = [1, 2, 3].map((number) => writeRecord(STREAM_A, number, 4096));
    const parts = records.flatMap((record) => [
      record.subarray(0, HEADER_BYTES),
      record.subarray(HEADER_BYTES),
    ]);
    const calls = vi.spyOn(fs, "writevSync");
    expect(journal.append(parts, 1, 3, 3)).toBeNull();
    expect(calls).toHaveBeenCalledTimes(1);
    const reader = journal.readerAfter(STREAM_A, 0);
    expect((await next(reader)).records?.equals(Buffer.concat(records))).toBe(true);
    expect([journal.requests, journal.bytes]).toEqual([3, 3 * (4096 + HEADER_BYTES)]);
    reader.close();
  });

  it("appends more parts at once than one system call takes", async () => {
    const parts: Buffer[] = [];
    for (let number = 1; number <= 1500; number++) {
      const record = writeRecord(STREAM_A, number);
      parts.push(record.subarray(0, HEADER_BYTES), record.subarray(HEADER_BYTES));
    }
    expect(journal.append(parts, 1, 1500, 1500)).toBeNull();
    expect(await readAll(STREAM_A, 0)).toEqual(writes(1, 1500));
  });

  it("[O4] says when it is full, and goes on when the limit is raised or something passed", async () => {
    journal.setLimit(4 * MIB);
    appendWrites(journal, STREAM_A, 1, 31, 128 * KIB);
    const record = writeRecord(STREAM_A, 32, 128 * KIB);
    expect(journal.append([record], 32, 32, 1)).toBe("full");
    appendMark(journal, markRecord(FrameKind.void, STREAM_A, 31), 31);
    journal.trim(STREAM_A, 20);
    expect(journal.append([record], 32, 32, 1)).toBeNull();
    expect(await readAll(STREAM_A, 20)).toEqual([...writes(21, 31), ["void", 31], ["write", 32]]);
  });

  it("[O4] says when there is no space, and stays whole", async () => {
    appendWrites(journal, STREAM_A, 1, 3);
    const { writevSync } = fs;
    vi.spyOn(fs, "writevSync")
      .mockImplementationOnce((fd, buffers, position) => {
        const half = (buffers[0] as Buffer).subarray(0, 100);
        return writevSync(fd, [half], position);
      })
      .mockImplementationOnce(() => {
        throw systemError("ENOSPC");
      });
    const record = writeRecord(STREAM_A, 4);
    expect(journal.append([record], 4, 4, 1)).toBe("no-space");
    expect(fs.statSync(path.join(folder, segments()[0] as string)).size).toBe(3 * (512 + 64));
    appendWrites(journal, STREAM_A, 4, 5);
    expect(await readAll(STREAM_A, 0)).toEqual(writes(1, 5));
  });

  it("finishes a write that was cut short", async () => {
    const { writevSync } = fs;
    vi.spyOn(fs, "writevSync").mockImplementation((fd, buffers, position) => {
      const [first] = buffers as Buffer[];
      return writevSync(fd, [(first as Buffer).subarray(0, 300)], position);
    });
    appendWrites(journal, STREAM_A, 1, 4, 1024);
    expect(await readAll(STREAM_A, 0)).toEqual(writes(1, 4));
  });

  it("refuses everything once a torn append could not be taken back, until dropped", async () => {
    appendWrites(journal, STREAM_A, 1, 2);
    vi.spyOn(fs, "writevSync").mockImplementationOnce(() => {
      throw systemError("EIO");
    });
    vi.spyOn(fs, "ftruncateSync").mockImplementationOnce(() => {
      throw systemError("EIO");
    });
    const record = writeRecord(STREAM_A, 3);
    expect(journal.append([record], 3, 3, 1)).toBe("io-error");
    expect(journal.append([record], 3, 3, 1)).toBe("io-error");
    expect(await sync()).toBe("io-error");
    journal.drop();
    appendWrites(journal, STREAM_A, 3, 4);
    expect(await readAll(STREAM_A, 2)).toEqual(writes(3, 4));
  });

  it("says when a new segment can't be made", () => {
    vi.spyOn(fs, "openSync").mockImplementationOnce(() => {
      throw systemError("ENOSPC");
    });
    const record = writeRecord(STREAM_A, 1);
    expect(journal.append([record], 1, 1, 1)).toBe("no-space");
    appendWrites(journal, STREAM_A, 1, 1);
  });
});

describe("[O3] journal file: stable storage", () => {
  it("makes every segment written to and the folder stable, with one sync for all who wait", async () => {
    journal.setLimit(8 * MIB);
    appendWrites(journal, STREAM_A, 1, 6, 800 * KIB);
    const count = segments().length;
    expect(count).toBe(3);
    const files = vi.spyOn(fs, "fdatasync");
    const folders = vi.spyOn(fs, "fsync");
    expect(await Promise.all(Array.from({ length: 10 }, sync))).toEqual(Array(10).fill(null));
    expect([files.mock.calls.length, folders.mock.calls.length]).toEqual([count, 1]);
    appendWrites(journal, STREAM_A, 7, 7);
    expect(await sync()).toBeNull();
    expect([files.mock.calls.length, folders.mock.calls.length]).toEqual([count + 1, 1]);
  });

  it("[W7] is spoiled by a sync that failed", async () => {
    appendWrites(journal, STREAM_A, 1, 1);
    vi.spyOn(fs, "fdatasync").mockImplementationOnce(((_fd: number, done: (e: Error) => void) => {
      setImmediate(done, systemError("EIO"));
    }) as typeof fs.fdatasync);
    expect(await sync()).toBe("io-error");
    expect(await sync()).toBe("io-error");
    const record = writeRecord(STREAM_A, 2);
    expect(journal.append([record], 2, 2, 1)).toBe("io-error");
  });

  it("may be dropped while a sync is under way", async () => {
    appendWrites(journal, STREAM_A, 1, 10);
    const under = sync();
    journal.drop();
    appendWrites(journal, STREAM_A, 11, 12);
    expect(await under).toBeNull();
    expect(await sync()).toBeNull();
    expect(await readAll(STREAM_A, 10)).toEqual(writes(11, 12));
  });
});

describe("[O6] journal file: reading and trimming", () => {
  it("reads from any number, across segments, while more is appended", async () => {
    journal.setLimit(16 * MIB);
    appendWrites(journal, STREAM_A, 1, 30, 300 * KIB - 64);
    expect(segments().length).toBe(3);
    const reader = journal.readerAfter(STREAM_A, 17);
    const found: [string, number][] = [];
    let appended = 30;
    for (;;) {
      const { error, records } = await next(reader);
      expect(error).toBeNull();
      if (records === null && appended >= 36) break;
      if (records !== null) {
        expect(records.length).toBeLessThanOrEqual(MIB);
        found.push(...numbersIn(records));
      }
      if (appended < 36) appendWrites(journal, STREAM_A, ++appended, appended, 4096);
    }
    expect(found).toEqual(writes(18, 36));
    expect(await next(reader)).toEqual({ error: null, records: null });
    reader.close();
  });

  it("reads records longer than a chunk", async () => {
    appendWrites(journal, STREAM_A, 1, 3, 3 * MIB);
    expect(await readAll(STREAM_A, 1)).toEqual(writes(2, 3));
  });

  it("hands on voids and turns of the stream, and begins in any of them", async () => {
    appendWrites(journal, STREAM_A, 5, 7);
    appendMark(journal, markRecord(FrameKind.void, STREAM_A, 6), 6);
    appendMark(journal, openRecord(STREAM_B, STREAM_A, 7));
    appendWrites(journal, STREAM_B, 1, 2);
    const behind = [
      ["open", 0],
      ["write", 1],
      ["write", 2],
    ];
    expect(await readAll(STREAM_A, 4)).toEqual([...writes(5, 7), ["void", 6], ...behind]);
    expect(await readAll(STREAM_A, 7)).toEqual(writes(1, 2));
    expect(await readAll(STREAM_B, 1)).toEqual(writes(2, 2));
    expect(await readAll({ hi: 9, lo: 9 }, 3)).toBe("io-error");
  });

  it("begins behind a stream that it holds nothing of", async () => {
    appendMark(journal, openRecord(STREAM_B, STREAM_A, 7));
    appendWrites(journal, STREAM_B, 1, 2);
    expect(await readAll(STREAM_A, 7)).toEqual(writes(1, 2));
  });

  it("never hands on what doesn't follow, or is damaged", async () => {
    appendWrites(journal, STREAM_A, 5, 8);
    expect(await readAll(STREAM_A, 3)).toBe("io-error");
    const file = path.join(folder, segments()[0] as string);
    const fd = fs.openSync(file, "r+");
    fs.writeSync(fd, Buffer.from([0xff]), 0, 1, 64 + 512 + 64 + 100);
    fs.closeSync(fd);
    expect(await readAll(STREAM_A, 4)).toBe("io-error");
  });

  it("trims whole segments that the mirror has applied, and counts to the mebibyte", async () => {
    journal.setLimit(8 * MIB);
    appendWrites(journal, STREAM_A, 1, 12, 512 * KIB);
    const before = segments();
    const bytes = journal.bytes;
    journal.trim(STREAM_B, 100);
    expect(journal.bytes).toBe(bytes);
    journal.trim(STREAM_A, 7);
    expect(segments()).toEqual(before.slice(2));
    expect(journal.requests).toBeGreaterThanOrEqual(5);
    expect(journal.requests).toBeLessThanOrEqual(7);
    journal.trim(STREAM_A, 12);
    expect([journal.requests, journal.bytes]).toEqual([0, 0]);
    expect(segments()).toEqual(before.slice(-1));
    expect(await readAll(STREAM_A, 12)).toEqual([]);
    journal.drop();
    expect(segments()).toEqual([]);
  });

  it("keeps what the local copy may still need, once a stable mark was appended", () => {
    journal.setLimit(8 * MIB);
    appendWrites(journal, STREAM_A, 1, 4, 512 * KIB);
    appendMark(journal, markRecord(FrameKind.stable, STREAM_A, 3));
    appendWrites(journal, STREAM_A, 5, 12, 512 * KIB);
    const before = segments();
    journal.trim(STREAM_A, 12);
    expect(segments()).toEqual(before.slice(1));
    appendMark(journal, markRecord(FrameKind.stable, STREAM_A, 12));
    journal.trim(STREAM_A, 12);
    expect(segments()).toEqual(before.slice(-1));
  });

  it("ends readers when it is dropped, and leaves closed ones alone", async () => {
    appendWrites(journal, STREAM_A, 1, 3);
    const reader = journal.readerAfter(STREAM_A, 0);
    const closed = journal.readerAfter(STREAM_A, 0);
    closed.next(() => expect.unreachable());
    closed.close();
    await next(reader);
    journal.drop();
    expect((await next(reader)).error).toBe("io-error");
    reader.close();
  });

  it("leaves no descriptor open", async () => {
    const count = () => fs.readdirSync("/proc/self/fd").length;
    journal.setLimit(16 * MIB);
    const before = count();
    appendWrites(journal, STREAM_A, 1, 40, 256 * KIB);
    await sync();
    await readAll(STREAM_A, 0);
    journal.trim(STREAM_A, 39);
    journal.drop();
    await vi.waitFor(() => expect(count()).toBe(before));
  });
});
