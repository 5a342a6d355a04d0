/** The bounds and alignment checks that every store makes before it touches anything. */
import type { BlockError, BlockRequest } from "./device.ts";

/** Why a request doesn't fit a device of `sizeBytes` bytes in blocks of `blockSize`, or null when it does. */
export function rangeError(
  request: BlockRequest,
  blockSize: number,
  sizeBytes: number,
): BlockError | null {
  const { offset, length } = request;
  if (request.op === "flush") return null;
  if (offset % blockSize !== 0 || length % blockSize !== 0 || offset < 0 || length < 0) {
    const detail = `offset ${offset} and length ${length} are not whole blocks of ${blockSize}`;
    return { code: "out-of-range", detail };
  }
  if (offset + length > sizeBytes) {
    const detail = `${offset} + ${length} is past the end at ${sizeBytes}`;
    return { code: "out-of-range", detail };
  }
  if (request.buffer !== null && request.buffer.length !== length) {
    throw new Error(`a buffer of ${request.buffer.length} bytes for ${length}`);
  }
  return null;
}
