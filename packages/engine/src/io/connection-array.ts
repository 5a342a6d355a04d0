/**
 * What all threads of one server share about its link (SPEC L2, H2-H6): the local connection array (`out`, towards the
 * peer), the mirror connection array (`in`, from it), the settings in force, and the heartbeats' figures, in one
 * SharedArrayBuffer. Times are microseconds of the monotonic clock as 64-bit integers inside, so no reader ever sees a
 * torn one, and milliseconds outside.
 */
import type { ConnectionElement, HeartbeatFigures, LinkSettings } from "@lockstep/model";
import type { Mark } from "./element-array.ts";
import { ElementArray, MAX_ELEMENTS } from "./element-array.ts";
import { SharedRecord } from "./shared-record.ts";

export type ConnectionDirection = "out" | "in";

// 64-bit words at the start of the buffer.
const slot = {
  bootId: 0,
  epoch: 1,
  count: 2,
  armedAtUs: 3,
  lastHeardUs: 4,
  /** Of the last drain, the last heartbeat and the arming on the receiver's running clock (H5). */
  drainedRunUs: 5,
  lastHeardRunUs: 17,
  armedRunUs: 18,
  stalledUs: 19,
  drainedUs: 20,
  silencedUntilUs: 6,
  counter: 7,
  sent: 8,
  received: 9,
  missed: 10,
  silentMissed: 11,
  rejected: 12,
  /** Figures that may be unknown: stored plus one, 0 is unknown. Times in µs, shares in millionths. */
  rtt: 13,
  jitter: 14,
  lossOut: 15,
  lossIn: 16,
} as const;
type Slot = keyof typeof slot;
const HEADER_WORDS = 24;

const SETTINGS = ["t1", "t2", "t3", "t4", "probation", "connections"] as const;
/** Words the receiver leaves for the sender's next message; see `heartbeat-notes.ts`. */
export const NOTE_WORDS = 12;

const settingsOffset = HEADER_WORDS * 8;
const notesOffset = settingsOffset + SharedRecord.byteLength(SETTINGS.length + 1);
const elementsOffset = Math.ceil((notesOffset + SharedRecord.byteLength(NOTE_WORDS)) / 64) * 64;
const TOTAL_BYTES = elementsOffset + 2 * ElementArray.byteLength;

export class ConnectionArray {
  readonly buffer: SharedArrayBuffer;
  /** The local connection array: connections this server's workers dial. */
  readonly out: ElementArray;
  /** The mirror connection array: connections this server's connection threads accept. */
  readonly in: ElementArray;
  /** Receiver to sender. */
  readonly notes: SharedRecord;
  readonly #settings: SharedRecord;
  readonly #header: BigInt64Array;

  /** A new one for this start of the data path; `bootId` is random and not zero. Elements are closed until armed. */
  static create(bootId: bigint, settings: LinkSettings, settingsVersion: number): ConnectionArray {
    const array = new ConnectionArray(new SharedArrayBuffer(TOTAL_BYTES));
    array.#store("bootId", BigInt.asIntN(64, bootId));
    array.#store("count", BigInt(settings.connections));
    array.setSettings(settings, settingsVersion);
    for (let i = 0; i < MAX_ELEMENTS; i++) {
      array.out.mark(i, 0, "broken");
      array.in.mark(i, 0, "broken");
    }
    return array;
  }

  /** The same array in another thread. */
  static attach(buffer: SharedArrayBuffer): ConnectionArray {
    return new ConnectionArray(buffer);
  }

  private constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#header = new BigInt64Array(buffer, 0, HEADER_WORDS);
    this.#settings = new SharedRecord(buffer, settingsOffset, SETTINGS.length + 1);
    this.notes = new SharedRecord(buffer, notesOffset, NOTE_WORDS);
    this.out = new ElementArray(buffer, elementsOffset);
    this.in = new ElementArray(buffer, elementsOffset + ElementArray.byteLength);
  }

  get bootId(): bigint {
    return BigInt.asUintN(64, this.#load("bootId"));
  }

  /** n: elements in use in each direction. */
  get count(): number {
    return Number(this.#load("count"));
  }

  /** The number of the present set of connections; closed marks of another are void. */
  get epoch(): number {
    return Number(this.#load("epoch"));
  }

  /** Begins a set of `count` connections each way: all elements open, their timestamp that of the last heartbeat. */
  arm(count: number, epoch: number, nowMs: number): void {
    if (count < 1 || count > MAX_ELEMENTS) throw new RangeError(`${count} connections`);
    if (epoch <= this.epoch) throw new RangeError(`epoch ${epoch} after ${this.epoch}`);
    const heardUs = this.#load("lastHeardUs");
    this.#store("count", BigInt(count));
    this.#store("armedAtUs", toUs(nowMs));
    this.#store("armedRunUs", toUs(nowMs) - this.#load("stalledUs"));
    for (let i = 0; i < count; i++) {
      for (const elements of [this.out, this.in]) {
        elements.setTimestampUs(i, heardUs === 0n ? toUs(nowMs) : heardUs);
        elements.open(i, epoch);
      }
    }
    this.#store("epoch", BigInt(epoch));
  }

  get armedAtMs(): number {
    return this.#ms("armedAtUs");
  }

  get armedRunMs(): number {
    return this.#ms("armedRunUs");
  }

  /** Settings in force and their version. */
  settings(): { settings: LinkSettings; version: number } {
    const [t1, t2, t3, t4, probation, connections, version] = this.#settings.read().map(Number);
    if (t1 === undefined || t2 === undefined || t3 === undefined || t4 === undefined)
      throw new Error("no settings");
    if (probation === undefined || connections === undefined) throw new Error("no settings");
    return { settings: { t1, t2, t3, t4, probation, connections }, version: version ?? 0 };
  }

  /** By the main thread only. `connections` takes effect with the next `arm`. */
  setSettings(settings: LinkSettings, version: number): void {
    this.#settings.write([...SETTINGS.map((name) => BigInt(settings[name])), BigInt(version)]);
  }

  /** A valid heartbeat came (H2): renews the timestamp of every element. By the receiver thread only. */
  heard(nowMs: number): void {
    const us = toUs(nowMs);
    const count = this.count;
    for (let i = 0; i < count; i++) {
      this.out.setTimestampUs(i, us);
      this.in.setTimestampUs(i, us);
    }
    this.#store("lastHeardRunUs", us - this.#load("stalledUs"));
    this.#store("lastHeardUs", us);
    this.add("received", 1);
  }

  /** Forgets a peer that is no more. By the receiver thread only. */
  forgetHeard(): void {
    this.#store("lastHeardUs", 0n);
    this.#store("lastHeardRunUs", 0n);
    this.#store("armedAtUs", 0n);
    this.#store("armedRunUs", 0n);
  }

  /** 0 before the first heartbeat. */
  get lastHeardMs(): number {
    return this.#ms("lastHeardUs");
  }

  get lastHeardRunMs(): number {
    return this.#ms("lastHeardRunUs");
  }

  /** Everything that had arrived by then has been received (H5). */
  get drainedMs(): number {
    return this.#ms("drainedUs");
  }

  /** The same on the receiver's running clock. */
  get drainedRunMs(): number {
    return this.#ms("drainedRunUs");
  }

  /** By the receiver thread only. */
  setDrained(atMs: number): void {
    this.#store("drainedUs", toUs(atMs));
    this.#store("drainedRunUs", toUs(atMs) - this.#load("stalledUs"));
  }

  /** How long the receiver thread did not run, all in all (`running-clock.ts`). By the receiver thread only. */
  get stalledMs(): number {
    return this.#ms("stalledUs");
  }

  setStalled(ms: number): void {
    this.#store("stalledUs", toUs(ms));
  }

  /** Until when this server's heartbeats are silenced for a drill (O8); 0 when they are not. */
  get silencedUntilMs(): number {
    return this.#ms("silencedUntilUs");
  }

  setSilencedUntil(atMs: number): void {
    this.#store("silencedUntilUs", toUs(atMs));
  }

  /** A counter never used before in this boot (L3). */
  nextCounter(): number {
    return Number(Atomics.add(this.#header, slot.counter, 1n)) + 1;
  }

  add(figure: "sent" | "received" | "rejected", count: number): void {
    Atomics.add(this.#header, slot[figure], BigInt(count));
  }

  /** Missed as counters tell, and as the present silence makes them out to be. */
  setMissed(figure: "missed" | "silentMissed", count: number): void {
    this.#store(figure, BigInt(count));
  }

  get missed(): number {
    return Number(this.#load("missed"));
  }

  setTimes(rttMs: number | null, jitterMs: number | null): void {
    this.#store("rtt", known(rttMs, 1e3));
    this.#store("jitter", known(jitterMs, 1e3));
  }

  setLoss(lossOut: number | null, lossIn: number | null): void {
    this.#store("lossOut", known(lossOut, 1e6));
    this.#store("lossIn", known(lossIn, 1e6));
  }

  figures(): HeartbeatFigures {
    return {
      sent: Number(this.#load("sent")),
      received: Number(this.#load("received")),
      missed: this.missed + Number(this.#load("silentMissed")),
      rejected: Number(this.#load("rejected")),
      rttMs: this.#orNull("rtt", 1e3),
      jitterMs: this.#orNull("jitter", 1e3),
      lossOut: this.#orNull("lossOut", 1e6),
      lossIn: this.#orNull("lossIn", 1e6),
    };
  }

  /** Bit i: element i carries this mark in `epoch`. */
  marks(direction: ConnectionDirection, epoch: number, mark: Mark): number {
    let bits = 0;
    for (let i = 0; i < MAX_ELEMENTS; i++) {
      if (this[direction].hasMark(i, epoch, mark)) bits |= 1 << i;
    }
    return bits;
  }

  /** One direction as outsiders see it. */
  elements(direction: ConnectionDirection, nowMs: number): ConnectionElement[] {
    const array = this[direction];
    return Array.from({ length: this.count }, (_, index) => {
      const socket = array.socket(index);
      const timestampMs = array.timestampMs(index);
      return {
        index,
        socket: socket && formatSocket(socket),
        timestampAgeMs: timestampMs === null ? null : Math.max(0, nowMs - timestampMs),
        closed: array.closed(index),
        connected: array.connected(index),
        bytes: array.bytes(index),
        inFlight: array.inFlight(index),
      };
    });
  }

  #load(name: Slot): bigint {
    return Atomics.load(this.#header, slot[name]);
  }

  #store(name: Slot, value: bigint): void {
    Atomics.store(this.#header, slot[name], value);
  }

  #ms(name: Slot): number {
    return Number(this.#load(name)) / 1000;
  }

  #orNull(name: Slot, scale: number): number | null {
    const value = this.#load(name);
    return value === 0n ? null : Number(value - 1n) / scale;
  }
}

function toUs(ms: number): bigint {
  return BigInt(Math.round(ms * 1000));
}

function known(value: number | null, scale: number): bigint {
  return value === null ? 0n : BigInt(Math.round(Math.max(0, value) * scale)) + 1n;
}

/** As model's `formatHostPort`, without its weight in a thread. */
function formatSocket({ host, port }: { host: string; port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
