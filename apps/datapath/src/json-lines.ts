/** Cuts a stream of bytes into lines of bounded length, whatever pieces they come in. */

export class LineSplitter {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that `chunk` completes, without their ends; null once a line is too long, after which nothing more counts. */
  push(chunk: Buffer): string[] | null {
    const lines: string[] = [];
    let begin = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, begin)) {
      if (this.#bytes + end - begin > this.#maxBytes) return null;
      this.#pieces.push(chunk.subarray(begin, end));
      lines.push(Buffer.concat(this.#pieces).toString("utf8"));
      this.#pieces = [];
      this.#bytes = 0;
      begin = end + 1;
    }
    this.#bytes += chunk.length - begin;
    if (this.#bytes > this.#maxBytes) return null;
    if (begin < chunk.length) this.#pieces.push(chunk.subarray(begin));
    return lines;
  }
}
