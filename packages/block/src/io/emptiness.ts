/** Whether an open file or block device holds anything but holes and zeroes: looks at its data, skips its holes. */
import fs from "node:fs";
import { seekData } from "./system-calls.ts";

const CHUNK_BYTES = 2 ** 20;
/** More data than this is not looked through (a minute or so): someone has to say what it is. */
const LIMIT_BYTES = 16 * 2 ** 30;

const zeroes = Buffer.alloc(CHUNK_BYTES);

function read(fd: number, buffer: Buffer, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, buffer, 0, buffer.length, offset, (error, count) =>
      error ? reject(error) : resolve(count),
    );
  });
}

export async function isEmpty(
  fd: number,
  sizeBytes: number,
): Promise<"empty" | "data" | "too-large"> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let looked = 0;
  for (let offset = 0; offset < sizeBytes; ) {
    const data = seekData(fd, offset);
    if (data === "ENXIO") return "empty";
    if (typeof data === "number") offset = data;
    if (looked >= LIMIT_BYTES) return "too-large";
    const count = await read(fd, buffer, offset);
    if (count === 0) return "empty";
    if (!buffer.subarray(0, count).equals(zeroes.subarray(0, count))) return "data";
    offset += count;
    looked += count;
  }
  return "empty";
}
