/** What the proofs of a connection cover (SPEC L3): everything by which one could stand in for another. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Challenge,
  diallerMac,
  listenerMac,
  Proof,
  type ProofSubject,
  Purpose,
  Welcome,
} from "./handshake.ts";

const ALPHA = "6f0d6f5c-0000-4000-8000-00000000000a";
const BETA = "1b0d6f5c-0000-4000-8000-00000000000b";
const NONCE = "00112233445566778899aabbccddeeff";
const MAC = "ab".repeat(32);

/** The "hash" is the text itself: two subjects are told apart exactly where their texts differ. */
const text = (covered: string): string => covered;

const nonce = fc.constantFrom(NONCE, NONCE.replace("00", "01"));
const server = fc.constantFrom(ALPHA, BETA);
const count = fc.constantFrom(0, 1, 11);
const proofFields = {
  nonce,
  purpose: fc.constantFrom(...Purpose.options),
  from: server,
  epoch: count,
  index: count,
};
const subjectFields = { listenerNonce: nonce, listener: fc.option(server, { nil: null }) };
const proof = fc.record(proofFields);
const subject: fc.Arbitrary<ProofSubject> = fc.record({ ...subjectFields, proof });
/** A subject, and it again with some of its fields replaced. */
const twoAlike: fc.Arbitrary<[ProofSubject, ProofSubject]> = fc
  .record({
    first: subject,
    other: fc.record(subjectFields, { requiredKeys: [] }),
    otherProof: fc.record(proofFields, { requiredKeys: [] }),
  })
  .map(({ first, other, otherProof }) => [
    first,
    { ...first, ...other, proof: { ...first.proof, ...otherProof } },
  ]);

describe("a handshake's proofs", () => {
  it("[L3] cover both nonces, both servers, the purpose, the epoch and the element", () => {
    fc.assert(
      fc.property(twoAlike, ([a, b]) => {
        const same = JSON.stringify(a) === JSON.stringify(b);
        expect(diallerMac(text, a) === diallerMac(text, b)).toBe(same);
        expect(listenerMac(text, a) === listenerMac(text, b)).toBe(same);
      }),
      { numRuns: 2000 },
    );
  });

  it("[L3] cover the direction: neither can be sent back as the other", () => {
    fc.assert(
      fc.property(twoAlike, ([a, b]) => {
        expect(diallerMac(text, a)).not.toBe(listenerMac(text, a));
        expect(diallerMac(text, a)).not.toBe(listenerMac(text, b));
      }),
    );
  });

  it("[L3] are nothing but nonces, MACs and whole numbers of one form", () => {
    const good = { nonce: NONCE, purpose: "stream", from: ALPHA, epoch: 1, index: 0, mac: MAC };
    expect(Proof.safeParse(good).success).toBe(true);
    const wrong: [keyof typeof good, unknown][] = [
      ["nonce", ""],
      ["nonce", `${NONCE}00`],
      ["nonce", NONCE.toUpperCase()],
      ["nonce", null],
      ["purpose", "heartbeat"],
      ["from", "alpha"],
      ["epoch", -1],
      ["epoch", 1.5],
      ["epoch", 2 ** 60],
      ["index", "0"],
      ["mac", MAC.slice(2)],
      ["mac", `${MAC} `],
    ];
    for (const [field, value] of wrong) {
      expect(Proof.safeParse({ ...good, [field]: value }).success, `${field} ${value}`).toBe(false);
    }
    expect(Challenge.safeParse({ nonce: "x" }).success).toBe(false);
    expect(Welcome.safeParse({ mac: NONCE }).success).toBe(false);
  });
});
