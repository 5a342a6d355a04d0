/**
 * The elements of one connection array in shared memory (SPEC L2): socket parameter, timestamp, closed mark, counters. A
 * closed mark carries the epoch it was made in, so that one made late can never close a connection of the next epoch.
 */

/** Elements there is room for (model's MAX_CONNECTIONS, which threads do not import for the weight of it). */
export const MAX_ELEMENTS = 16;
const MAX_HOST_BYTES = 255;

/** Why an element is closed; several may hold at once. */
export const MARK = {
  /** This server itself heard nothing for T1 (H3). Told to the peer. */
  silence: 1,
  /** The peer said that it marked its element (H3). */
  told: 2,
  /** The connection broke while heartbeats went on (L5), or was not made yet. */
  broken: 4,
} as const;
export type Mark = keyof typeof MARK;
const BITS = 0b111n;
const EPOCH_SHIFT = 3n;

// An element: one line for the counters, which the connection's thread writes, then one for what is written seldom.
const ELEMENT_BYTES = 64 + 64 + 256;
const word = {
  inFlight: 0,
  bytesLow: 1,
  bytesHigh: 2,
  connected: 3,
  hostVersion: 16,
  port: 17,
  hostLength: 18,
};
const wide = { timestampUs: 10, mark: 11 };
const HOST_OFFSET = 128;

export class ElementArray {
  readonly #words: Int32Array;
  readonly #wide: BigInt64Array;
  readonly #bytes: Uint8Array;

  static readonly byteLength = MAX_ELEMENTS * ELEMENT_BYTES;

  constructor(buffer: SharedArrayBuffer, byteOffset: number) {
    const length = ElementArray.byteLength;
    this.#words = new Int32Array(buffer, byteOffset, length / 4);
    this.#wide = new BigInt64Array(buffer, byteOffset, length / 8);
    this.#bytes = new Uint8Array(buffer, byteOffset, length);
  }

  /** Stores the socket parameter. Only the main thread writes it. */
  setSocket(index: number, socket: { host: string; port: number } | null): void {
    const host = new TextEncoder().encode(socket?.host ?? "");
    if (host.length > MAX_HOST_BYTES) throw new RangeError("a host name has at most 255 bytes");
    const version = Atomics.add(this.#words, at(index, word.hostVersion), 1);
    if (version % 2 !== 0) throw new Error("the socket parameter has one writer");
    for (let i = 0; i < host.length; i++) {
      Atomics.store(this.#bytes, index * ELEMENT_BYTES + HOST_OFFSET + i, host[i] ?? 0);
    }
    Atomics.store(this.#words, at(index, word.hostLength), host.length);
    Atomics.store(this.#words, at(index, word.port), socket?.port ?? 0);
    Atomics.add(this.#words, at(index, word.hostVersion), 1);
  }

  /** The socket parameter; null until it was told. */
  socket(index: number): { host: string; port: number } | null {
    for (;;) {
      const version = Atomics.load(this.#words, at(index, word.hostVersion));
      const port = Atomics.load(this.#words, at(index, word.port));
      const host = new Uint8Array(Atomics.load(this.#words, at(index, word.hostLength)));
      for (let i = 0; i < host.length; i++) {
        host[i] = Atomics.load(this.#bytes, index * ELEMENT_BYTES + HOST_OFFSET + i);
      }
      if (version % 2 !== 0) continue;
      if (Atomics.load(this.#words, at(index, word.hostVersion)) !== version) continue;
      return port === 0 ? null : { host: new TextDecoder().decode(host), port };
    }
  }

  /** When the last heartbeat came (H2), monotonic; null before the first. */
  timestampMs(index: number): number | null {
    const us = Atomics.load(this.#wide, at8(index, wide.timestampUs));
    return us === 0n ? null : Number(us) / 1000;
  }

  setTimestampUs(index: number, us: bigint): void {
    Atomics.store(this.#wide, at8(index, wide.timestampUs), us);
  }

  /** Begins `epoch` with the element open. */
  open(index: number, epoch: number): void {
    Atomics.store(this.#wide, at8(index, wide.mark), BigInt(epoch) << EPOCH_SHIFT);
  }

  /** Closes the element, if it is still of `epoch`. True when it had been open. */
  mark(index: number, epoch: number, mark: Mark): boolean {
    for (;;) {
      const before = Atomics.load(this.#wide, at8(index, wide.mark));
      if (before >> EPOCH_SHIFT !== BigInt(epoch)) return false;
      const after = before | BigInt(MARK[mark]);
      if (Atomics.compareExchange(this.#wide, at8(index, wide.mark), before, after) !== before)
        continue;
      return (before & BITS) === 0n;
    }
  }

  /** After a flap (L5): open again, unless the element was closed for more than that, or its epoch is over. */
  reopen(index: number, epoch: number): boolean {
    const broken = (BigInt(epoch) << EPOCH_SHIFT) | BigInt(MARK.broken);
    const before = Atomics.compareExchange(
      this.#wide,
      at8(index, wide.mark),
      broken,
      BigInt(epoch) << EPOCH_SHIFT,
    );
    return before === broken;
  }

  closed(index: number): boolean {
    return (Atomics.load(this.#wide, at8(index, wide.mark)) & BITS) !== 0n;
  }

  /** Whether the element carries this mark, in `epoch`. */
  hasMark(index: number, epoch: number, mark: Mark): boolean {
    const value = Atomics.load(this.#wide, at8(index, wide.mark));
    return value >> EPOCH_SHIFT === BigInt(epoch) && (value & BigInt(MARK[mark])) !== 0n;
  }

  setConnected(index: number, connected: boolean): void {
    Atomics.store(this.#words, at(index, word.connected), connected ? 1 : 0);
  }

  connected(index: number): boolean {
    return Atomics.load(this.#words, at(index, word.connected)) === 1;
  }

  /** Requests under way. Called on each write, by the connection's thread only. */
  setInFlight(index: number, count: number): void {
    Atomics.store(this.#words, at(index, word.inFlight), count);
  }

  inFlight(index: number): number {
    return Atomics.load(this.#words, at(index, word.inFlight));
  }

  /** Adds less than 2 GiB to the bytes that went over the connection. By the connection's thread only. */
  addBytes(index: number, bytes: number): void {
    const before = Atomics.add(this.#words, at(index, word.bytesLow), bytes) >>> 0;
    if (before + bytes > 0xffff_ffff) Atomics.add(this.#words, at(index, word.bytesHigh), 1);
  }

  /** Bytes so far. For display: while the low half wraps, one reading may be 4 GiB short. */
  bytes(index: number): number {
    const high = Atomics.load(this.#words, at(index, word.bytesHigh)) >>> 0;
    return high * 2 ** 32 + (Atomics.load(this.#words, at(index, word.bytesLow)) >>> 0);
  }
}

function at(index: number, field: number): number {
  return (index * ELEMENT_BYTES) / 4 + field;
}

function at8(index: number, field: number): number {
  return (index * ELEMENT_BYTES) / 8 + field;
}
