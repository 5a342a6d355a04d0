import { MAX_CONNECTIONS } from "@lockstep/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeHeartbeat, encodeHeartbeat } from "./codec.ts";
import type { Heartbeat, Mac } from "./message.ts";
import {
  LINK_STATES,
  MAC_BYTES,
  MAX_ANSWERS,
  MAX_DATAGRAM_BYTES,
  MAX_ELEMENTS,
  MAX_INTERVAL_MS,
  MAX_LUN_AGES,
} from "./message.ts";
import { uuidBytes, uuidText } from "./uuid.ts";

const SENDER = uuidBytes("01234567-89ab-cdef-0123-456789abcdef");

/** A keyed checksum, enough to see that every byte is covered: FNV-1a over key and bytes, four times salted. */
function checksum(key: number): Mac {
  return (bytes, into) => {
    for (let word = 0; word < 4; word++) {
      let hash = 0x811c9dc5 ^ key ^ word;
      for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
      new DataView(into.buffer, into.byteOffset).setInt32(4 * word, hash);
    }
  };
}

const u53 = fc.maxSafeNat();
const u64 = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });
const u32 = fc.integer({ min: 0, max: 0xffff_fffe });
const share = fc.integer({ min: 0, max: 65_534 }).map((n) => n / 65_534);

const heartbeat: fc.Arbitrary<Heartbeat> = fc.record({
  versionMin: fc.constant(1),
  versionMax: fc.constant(1),
  bootId: u64,
  counter: u53,
  sentAtUs: u53,
  echo: fc.option(
    fc.record({ bootId: u64, counter: u53, sentAtUs: u53, heldUs: fc.option(u32, { nil: null }) }),
    { nil: null },
  ),
  intervalMs: fc.integer({ min: 1, max: MAX_INTERVAL_MS }),
  challenge: fc.option(u64, { nil: null }),
  answers: fc.array(u64, { maxLength: MAX_ANSWERS }),
  state: fc.constantFrom(...LINK_STATES),
  hears: fc.boolean(),
  outageNumber: u53,
  settingsVersion: u53,
  epoch: u53,
  closedOut: fc.integer({ min: 0, max: 0xffff }),
  closedIn: fc.integer({ min: 0, max: 0xffff }),
  probationMs: fc.option(u32, { nil: null }),
  lossIn: fc.option(share, { nil: null }),
  lunAges: fc.array(fc.record({ lun: fc.uuid(), ageMs: u32 }), { maxLength: MAX_LUN_AGES }),
});

const expected = { sender: SENDER, direction: 0, versionMax: 1 } as const;
const scratch = new Uint8Array(MAC_BYTES);

function encode(message: Heartbeat, key = 1): Uint8Array {
  const buffer = new Uint8Array(MAX_DATAGRAM_BYTES);
  return buffer.slice(0, encodeHeartbeat(buffer, message, SENDER, 0, checksum(key)));
}

function decode(bytes: Uint8Array, key = 1) {
  return decodeHeartbeat(bytes, expected, checksum(key), scratch);
}

/** Puts the right MAC on bytes that were changed, as a faulty peer would. */
function seal(bytes: Uint8Array): Uint8Array {
  const end = bytes.length - MAC_BYTES;
  checksum(1)(bytes.subarray(0, end), bytes.subarray(end));
  return bytes;
}

const [sample] = fc.sample(heartbeat, { numRuns: 1, seed: 7 });
if (!sample) throw new Error("no sample");

describe("heartbeat codec", () => {
  it("[H6] brings every message through unchanged, in one unfragmented datagram", () => {
    fc.assert(
      fc.property(heartbeat, (message) => {
        const bytes = encode(message);
        expect(bytes.length).toBeLessThanOrEqual(MAX_DATAGRAM_BYTES);
        expect(decode(bytes)).toEqual(message);
      }),
    );
  });

  it("[L3] drops a datagram with any byte changed, another key, another direction or another sender", () => {
    const bytes = encode(sample);
    for (let i = 0; i < bytes.length; i++) {
      const changed = Uint8Array.from(bytes);
      changed[i] = (changed[i] ?? 0) ^ 0x10;
      expect(typeof decode(changed)).toBe("string");
    }
    expect(decode(bytes, 2)).toBe("wrong-mac");
    const mac = checksum(1);
    expect(decodeHeartbeat(bytes, { ...expected, direction: 1 }, mac, scratch)).toBe(
      "wrong-direction",
    );
    const other = { ...expected, sender: uuidBytes("11234567-89ab-cdef-0123-456789abcdef") };
    expect(decodeHeartbeat(bytes, other, mac, scratch)).toBe("stranger");
  });

  it("[L3] drops random bytes, whatever their length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(decode(bytes)).toBe("not-a-heartbeat");
      }),
    );
  });

  it("[L3] takes no wrong field even under the right MAC, and never throws", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 127 }),
        fc.integer({ min: 0, max: 255 }),
        (index, value) => {
          const bytes = encode(sample);
          bytes[index] = value;
          const result = decode(seal(bytes));
          if (typeof result === "string") return;
          expect(result.answers.length).toBeLessThanOrEqual(MAX_ANSWERS);
          expect(result.lunAges.length).toBeLessThanOrEqual(MAX_LUN_AGES);
          expect(Number.isSafeInteger(result.counter)).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("[L4] reads what it knows of a message that a later version made longer, and only then", () => {
    const bytes = encode(sample);
    const longer = new Uint8Array(bytes.length + 9);
    longer.set(bytes.subarray(0, bytes.length - MAC_BYTES));
    expect(decode(seal(longer))).toBe("malformed");
    longer[6] = 2;
    expect(decode(seal(longer))).toEqual({ ...sample, versionMax: 2 });
  });

  it("names the LUNs with the oldest commands when there are too many", () => {
    const lunAges = Array.from({ length: MAX_LUN_AGES + 5 }, (_, i) => ({
      lun: uuidText(Uint8Array.from({ length: 16 }, () => i)),
      ageMs: i,
    }));
    const result = decode(encode({ ...sample, lunAges }));
    if (typeof result === "string") throw new Error(result);
    expect(result.lunAges.map((age) => age.ageMs).sort((a, b) => a - b)[0]).toBe(5);
    expect(result.lunAges.length).toBe(MAX_LUN_AGES);
  });

  it("has room for as many marks as there may be connections", () => {
    expect(MAX_ELEMENTS).toBe(MAX_CONNECTIONS);
  });
});
