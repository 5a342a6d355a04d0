/**
 * Looking at the copies' backing files directly: comparing them byte by byte, and reading ranges.
 */
import { type FileHandle, open } from "node:fs/promises";

const CHUNK_BYTES = 2 ** 20;

async function readFully(file: FileHandle, into: Buffer, offset: number): Promise<number> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/**
 * Offset of the first byte that differs (a shorter file differs at its end); null when the files
 * are the same.
 */
export async function firstDifference(pathA: string, pathB: string): Promise<number | null> {
  await using fileA = await open(pathA, "r");
  await using fileB = await open(pathB, "r");
  const a = Buffer.allocUnsafe(CHUNK_BYTES);
  const b = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let offset = 0; ; offset += CHUNK_BYTES) {
    const [lengthA, lengthB] = await Promise.all([
      readFully(fileA, a, offset),
      readFully(fileB, b, offset),
    ]);
    const partA = a.subarray(0, lengthA);
    const partB = b.subarray(0, lengthB);
    if (!partA.equals(partB)) {
      const end = Math.min(lengthA, lengthB);
      for (let i = 0; i < end; i++) if (a[i] !== b[i]) return offset + i;
      return offset + end;
    }
    if (lengthA < CHUNK_BYTES) return null;
  }
}

export async function readRange(path: string, offset: number, length: number): Promise<Buffer> {
  await using file = await open(path, "r");
  const buffer = Buffer.alloc(length);
  const got = await readFully(file, buffer, offset);
  return buffer.subarray(0, got);
}
