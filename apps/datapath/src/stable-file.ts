/**
 * A small JSON value kept stable in a file (SPEC "stable", G1): checksummed, replaced as a whole by rename, its folder
 * synced. With two copies both are written, one after the other, before it counts: damage to either costs nothing, and
 * the higher version rules. Values that come while one is being written coalesce: the last wins, and all are told when
 * it is stable.
 *
 * With `slotBytes` the two copies have that size and are written in place, one after the other: a change takes no new
 * block, so that it succeeds on a full disk too (SPEC O4: the mark must be able to let the journal go).
 */
import fs from "node:fs/promises";
import path from "node:path";
import { crc32 } from "node:zlib";
import { Failure } from "@lockstep/model";
import type { z } from "zod";

interface Envelope {
  version: number;
  checksum: number;
  value: unknown;
}

export type StableDone = (error: Error | null) => void;

export type StableFileOptions =
  | { copies: 1; slotBytes?: never }
  /** `slotBytes`: the longest value's JSON and some 60 bytes must fit. */
  | { copies: 2; slotBytes?: number };

export class StableFile<T> {
  private readonly paths: readonly string[];
  private readonly schema: z.ZodType<T>;
  private readonly slotBytes: number | null;
  private version = 0;
  private waiting: { value: T; done: StableDone[] } | null = null;
  private writing = false;

  constructor(file: string, schema: z.ZodType<T>, options: StableFileOptions = { copies: 1 }) {
    this.schema = schema;
    this.slotBytes = options.slotBytes ?? null;
    this.paths = options.copies === 1 ? [file] : [`${file}.a`, `${file}.b`];
  }

  /** The newest whole value; null where there is none. Fails where files are there and none of them is whole. */
  async read(): Promise<T | null> {
    let found: Envelope | null = null;
    let broken: string | null = null;
    for (const file of this.paths) {
      const envelope = await readEnvelope(file);
      if (envelope === "broken") broken = file;
      else if (envelope !== null && (found === null || envelope.version > found.version)) {
        found = envelope;
      }
    }
    if (found === null) {
      if (broken === null) return null;
      throw new Failure(
        "unavailable",
        `${broken} is damaged`,
        "restore it, or set the folder aside",
      );
    }
    const parsed = this.schema.safeParse(found.value);
    if (!parsed.success) {
      throw new Failure(
        "unavailable",
        `${this.paths[0]} was written by another release, or by hand`,
      );
    }
    this.version = found.version;
    return parsed.data;
  }

  /** `done` when the value, or one written after it, is stable. */
  write(value: T, done: StableDone): void {
    if (this.waiting === null) this.waiting = { value, done: [done] };
    else {
      this.waiting.value = value;
      this.waiting.done.push(done);
    }
    if (!this.writing) void this.writeAll();
  }

  save(value: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.write(value, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  private async writeAll(): Promise<void> {
    this.writing = true;
    while (this.waiting !== null) {
      const { value, done } = this.waiting;
      this.waiting = null;
      let failed: Error | null = null;
      try {
        await this.replace(value);
      } catch (error) {
        failed = error instanceof Error ? error : new Error(String(error));
      }
      for (const each of done) each(failed);
    }
    this.writing = false;
  }

  private async replace(value: T): Promise<void> {
    // Of a version that failed a copy may be left: it is not used again.
    const version = ++this.version;
    const text = JSON.stringify(value);
    const envelope = `{"version":${version},"checksum":${checksum(version, text)},"value":${text}}\n`;
    for (const file of this.paths) {
      if (this.slotBytes === null) await replaceFile(file, envelope);
      else await writeSlot(file, envelope, this.slotBytes);
    }
  }
}

async function replaceFile(file: string, text: string): Promise<void> {
  const next = `${file}.next`;
  const handle = await fs.open(next, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await fs.rename(next, file);
  const folder = await fs.open(path.dirname(file), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** JSON is padded with spaces; a file that is not there, or shorter, is made first. */
async function writeSlot(file: string, text: string, slotBytes: number): Promise<void> {
  const bytes = Buffer.alloc(slotBytes, " ");
  if (bytes.write(text) < Buffer.byteLength(text)) {
    throw new Error(`${file} holds at most ${slotBytes} bytes`);
  }
  const handle = await openSlot(file, slotBytes);
  if (handle === null) {
    await replaceFile(file, bytes.toString());
    return;
  }
  try {
    await handle.write(bytes, 0, slotBytes, 0);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

async function openSlot(file: string, slotBytes: number): Promise<fs.FileHandle | null> {
  let handle: fs.FileHandle;
  try {
    handle = await fs.open(file, "r+");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const { size } = await handle.stat();
  if (size === slotBytes) return handle;
  await handle.close();
  return null;
}

function checksum(version: number, text: string): number {
  return crc32(text, version);
}

async function readEnvelope(file: string): Promise<Envelope | "broken" | null> {
  let text: string;
  try {
    text = await fs.readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  try {
    const envelope = JSON.parse(text) as Envelope;
    const whole = checksum(envelope.version, JSON.stringify(envelope.value)) === envelope.checksum;
    return whole ? envelope : "broken";
  } catch {
    return "broken";
  }
}
