/** Finds what belongs to a frame's LUN by the uuid in its header, without making a string of it. */
import { lunBytes, lunWordOf } from "./frame.ts";

export class LunIndex<T> {
  private readonly byWord = new Map<number, { bytes: Buffer; value: T }[]>();

  set(uuid: string, value: T): void {
    const bytes = lunBytes(uuid);
    this.delete(uuid);
    const word = lunWordOf(bytes);
    const entries = this.byWord.get(word);
    if (entries === undefined) this.byWord.set(word, [{ bytes, value }]);
    else entries.push({ bytes, value });
  }

  delete(uuid: string): void {
    const bytes = lunBytes(uuid);
    const word = lunWordOf(bytes);
    const left = this.byWord.get(word)?.filter((entry) => !entry.bytes.equals(bytes));
    if (left === undefined) return;
    if (left.length === 0) this.byWord.delete(word);
    else this.byWord.set(word, left);
  }

  /** `word`: the header's `lunWord`; the header's bytes begin at `at`. */
  find(word: number, header: Buffer, at: number): T | undefined {
    const entries = this.byWord.get(word);
    if (entries === undefined) return undefined;
    for (const entry of entries) {
      if (header.compare(entry.bytes, 0, 16, at + 8, at + 24) === 0) return entry.value;
    }
    return undefined;
  }

  get(uuid: string): T | undefined {
    const bytes = lunBytes(uuid);
    return this.byWord.get(lunWordOf(bytes))?.find((entry) => entry.bytes.equals(bytes))?.value;
  }

  *values(): IterableIterator<T> {
    for (const entries of this.byWord.values()) for (const entry of entries) yield entry.value;
  }
}
