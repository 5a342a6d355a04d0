/**
 * Cuts a byte stream into lines of JSON, each at most MAX_LINE_BYTES long. A line is decoded only when it is whole, so
 * a character that arrives in two pieces stays whole too.
 */
import { MAX_LINE_BYTES } from "@lockstep/model";

const NEWLINE = 0x0a;

export class JsonLines {
  #pieces: Buffer[] = [];
  #bytes = 0;

  /** The values of the lines that `chunk` completes. Throws for a line that is too long or no JSON. */
  push(chunk: Buffer): unknown[] {
    const values: unknown[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end === -1) break;
      this.#keep(chunk.subarray(start, end));
      const line = Buffer.concat(this.#pieces, this.#bytes).toString("utf8");
      this.#pieces = [];
      this.#bytes = 0;
      if (line !== "") values.push(JSON.parse(line));
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return values;
  }

  #keep(piece: Buffer): void {
    this.#bytes += piece.length;
    if (this.#bytes > MAX_LINE_BYTES) throw new RangeError("a line exceeds its limit");
    this.#pieces.push(piece);
  }
}
