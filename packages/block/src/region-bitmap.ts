/**
 * One bit for each region of a device: the regions that may differ, that are hot, that are still to copy. Plain
 * single-threaded memory (32 MiB for 256 TiB in regions of 1 MiB), with a count kept as bits change, runs to walk
 * through, and a form to store that carries its shape and a checksum.
 */
import { crc32 } from "node:zlib";

export const DEFAULT_REGION_BYTES = 2 ** 20;

/** A run of neighbouring regions whose bit is set. */
export interface RegionRun {
  readonly first: number;
  readonly count: number;
}

/** Stored form, little-endian: magic, version, region bytes, crc32 of all else, device bytes (u64), words. */
const MAGIC = 0x424d524c;
const VERSION = 1;
const HEADER_BYTES = 24;
const CHECKSUM_AT = 12;

function bitsIn(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function checksumOf(stored: Buffer): number {
  return crc32(stored.subarray(HEADER_BYTES - 8), crc32(stored.subarray(0, CHECKSUM_AT)));
}

export class RegionBitmap {
  readonly sizeBytes: number;
  readonly regionBytes: number;
  /** How many regions there are; the last may be shorter. */
  readonly regions: number;
  readonly #words: Uint32Array;
  #count = 0;

  constructor(sizeBytes: number, regionBytes: number = DEFAULT_REGION_BYTES) {
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw new Error(`${sizeBytes} bytes`);
    if (!Number.isSafeInteger(regionBytes) || regionBytes < 512 || regionBytes > 2 ** 31) {
      throw new Error(`regions of ${regionBytes} bytes`);
    }
    this.sizeBytes = sizeBytes;
    this.regionBytes = regionBytes;
    this.regions = Math.ceil(sizeBytes / regionBytes);
    this.#words = new Uint32Array(Math.ceil(this.regions / 32));
  }

  /** How many regions are set. */
  get count(): number {
    return this.#count;
  }

  has(region: number): boolean {
    return ((this.#words[region >>> 5] ?? 0) & (1 << (region & 31))) !== 0;
  }

  /** Sets every region that the range of bytes touches, cut at the device's end; returns how many were newly set. */
  setRange(offset: number, length: number): number {
    const end = Math.min(offset + length, this.sizeBytes);
    if (end <= offset) return 0;
    const first = Math.floor(offset / this.regionBytes);
    return this.setRegions(first, Math.ceil(end / this.regionBytes) - first);
  }

  /** Whether any region that the range of bytes touches is set. */
  touches(offset: number, length: number): boolean {
    if (length <= 0) return false;
    const run = this.nextRun(Math.floor(offset / this.regionBytes));
    return run !== null && run.first * this.regionBytes < offset + length;
  }

  setRegions(first: number, count: number): number {
    return this.#change(first, count, true);
  }

  /** Returns how many were newly cleared. */
  clearRegions(first: number, count: number): number {
    return this.#change(first, count, false);
  }

  setAll(): void {
    this.setRegions(0, this.regions);
  }

  clearAll(): void {
    this.#words.fill(0);
    this.#count = 0;
  }

  /** Sets what is set in `other`, which has the same shape. */
  merge(other: RegionBitmap): void {
    if (other.regions !== this.regions || other.regionBytes !== this.regionBytes) {
      throw new Error("bitmaps of different shapes");
    }
    for (let index = 0; index < this.#words.length; index++) {
      const before = this.#words[index] ?? 0;
      const after = before | (other.#words[index] ?? 0);
      this.#count += bitsIn(after) - bitsIn(before);
      this.#words[index] = after;
    }
  }

  /** The first run at or after a region, of at most `limit` regions; null when nothing is set there. */
  nextRun(from: number, limit: number = this.regions): RegionRun | null {
    const first = this.#find(Math.max(from, 0), true);
    if (first >= this.regions) return null;
    const end = Math.min(this.#find(first, false), first + limit);
    return { first, count: end - first };
  }

  /** All runs in order. The bitmap may change between two steps: each continues behind the run before it. */
  *runs(): Generator<RegionRun, void, void> {
    for (let run = this.nextRun(0); run !== null; run = this.nextRun(run.first + run.count)) {
      yield run;
    }
  }

  /** A copy for a device of another size: what is cut off is gone, what is added is clear. */
  resized(sizeBytes: number): RegionBitmap {
    const copy = new RegionBitmap(sizeBytes, this.regionBytes);
    const shared = Math.min(copy.#words.length, this.#words.length);
    copy.#words.set(this.#words.subarray(0, shared));
    copy.#trim();
    return copy;
  }

  serialise(): Buffer {
    const stored = Buffer.alloc(HEADER_BYTES + this.#words.length * 4);
    stored.writeUInt32LE(MAGIC, 0);
    stored.writeUInt32LE(VERSION, 4);
    stored.writeUInt32LE(this.regionBytes, 8);
    stored.writeBigUInt64LE(BigInt(this.sizeBytes), HEADER_BYTES - 8);
    let at = HEADER_BYTES;
    for (const word of this.#words) at = stored.writeUInt32LE(word, at);
    stored.writeUInt32LE(checksumOf(stored), CHECKSUM_AT);
    return stored;
  }

  /** The bitmap in a stored form, or why there is none. */
  static parse(stored: Buffer): RegionBitmap | "damaged" | "unknown-version" {
    if (stored.length < HEADER_BYTES || stored.readUInt32LE(0) !== MAGIC) return "damaged";
    if (stored.readUInt32LE(CHECKSUM_AT) !== checksumOf(stored)) return "damaged";
    if (stored.readUInt32LE(4) !== VERSION) return "unknown-version";
    const sizeBytes = Number(stored.readBigUInt64LE(HEADER_BYTES - 8));
    const bitmap = new RegionBitmap(sizeBytes, stored.readUInt32LE(8));
    if (stored.length !== HEADER_BYTES + bitmap.#words.length * 4) return "damaged";
    for (let index = 0; index < bitmap.#words.length; index++) {
      bitmap.#words[index] = stored.readUInt32LE(HEADER_BYTES + index * 4);
    }
    bitmap.#trim();
    return bitmap;
  }

  #change(first: number, count: number, set: boolean): number {
    const end = first + count;
    if (!(first >= 0 && count >= 0 && end <= this.regions)) {
      throw new Error(`regions ${first} + ${count} of ${this.regions}`);
    }
    let changed = 0;
    for (let region = first; region < end; ) {
      const bit = region & 31;
      const span = Math.min(32 - bit, end - region);
      const mask = (span === 32 ? -1 : (1 << span) - 1) << bit;
      const before = this.#words[region >>> 5] ?? 0;
      const after = set ? before | mask : before & ~mask;
      this.#words[region >>> 5] = after;
      changed += bitsIn(before ^ after);
      region += span;
    }
    this.#count += set ? changed : -changed;
    return changed;
  }

  /** The first region at or after `from` whose bit is as asked, or `regions`. */
  #find(from: number, set: boolean): number {
    for (let region = from; region < this.regions; ) {
      const word = this.#words[region >>> 5] ?? 0;
      const wanted = (set ? word : ~word) & (-1 << (region & 31));
      const base = region & ~31;
      if (wanted !== 0) return Math.min(base + 31 - Math.clz32(wanted & -wanted), this.regions);
      region = base + 32;
    }
    return this.regions;
  }

  /** Clears the bits behind the last region, and counts anew. */
  #trim(): void {
    const last = this.#words.length - 1;
    const used = this.regions & 31;
    if (last >= 0 && used !== 0) this.#words[last] = (this.#words[last] ?? 0) & ((1 << used) - 1);
    this.#count = 0;
    for (const word of this.#words) this.#count += bitsIn(word);
  }
}
