/** The invitation's code and the key exchange under it (SPEC L3). */
import { generateKeyPairSync } from "node:crypto";
import { Failure } from "@lockstep/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PairOffer } from "./control-messages.ts";
import {
  decodeCode,
  encodeCode,
  freshInvitationSecret,
  offerMac,
  PairingKeys,
} from "./invitation.ts";

const SECRET = "00112233445566778899aabbccddeeff";

function offerOf(keys: { publicKey: string }, uuid: string): PairOffer {
  const name = "alpha";
  const ports = { mirrorPort: 24_401, heartbeatPort: 24_402 };
  const { publicKey } = keys;
  return { uuid, name, host: "192.0.2.1", ...ports, publicKey, outageNumber: 3, mac: "" };
}

const ALPHA = "6f0d6f5c-0000-4000-8000-00000000000a";
const BETA = "1b0d6f5c-0000-4000-8000-00000000000b";

function refusalOf(task: () => unknown): unknown {
  try {
    return task();
  } catch (error) {
    return error;
  }
}

describe("an invitation's code", () => {
  it("[L3] comes back as it was made, also with blanks around it", () => {
    const code = fc.record({
      host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
      port: fc.integer({ min: 1, max: 65_535 }),
      secret: fc.stringMatching(/^[0-9a-f]{32}$/),
    });
    fc.assert(
      fc.property(code, (given) => {
        const text = encodeCode(given);
        expect(text).toMatch(/^lockstep-[\w-]+$/);
        expect(decodeCode(` ${text}\n`)).toEqual({ v: 1, ...given });
      }),
    );
  });

  it("[L3] is refused where it is anything else, whatever that is", () => {
    const as = (value: unknown) =>
      `lockstep-${Buffer.from(JSON.stringify(value)).toString("base64url")}`;
    const good = { v: 1, host: "h", port: 1, secret: SECRET };
    expect(decodeCode(as(good))).toEqual(good);
    const wrong = [
      ...["", "lockstep-", "lockstep", "x".repeat(100_000), as(good).slice(0, -3), as(null)],
      ...[as({ ...good, v: 2 }), as({ ...good, host: "" }), as({ ...good, host: "x".repeat(256) })],
      ...[as({ ...good, port: 0 }), as({ ...good, port: 65_536 }), as({ ...good, port: 1.5 })],
      ...[as({ ...good, secret: "" }), as({ ...good, secret: `${SECRET}00` }), as([good])],
    ];
    const hostile = fc.oneof(
      fc.string(),
      fc.base64String(),
      fc.json().map((json) => `lockstep-${Buffer.from(json).toString("base64url")}`),
    );
    const refused = (text: string) => {
      const failure = refusalOf(() => decodeCode(text));
      expect(failure, text.slice(0, 80)).toBeInstanceOf(Failure);
      expect(failure).toMatchObject({ code: "usage", message: "this is no invitation code" });
    };
    for (const text of wrong) refused(text);
    fc.assert(fc.property(hostile, refused));
  });

  it("[L3] has a secret of its own each time", () => {
    const secrets = new Set(Array.from({ length: 50 }, () => freshInvitationSecret()));
    expect(secrets.size).toBe(50);
  });
});

describe("a pairing's keys", () => {
  it("[L3] agree on one secret, which depends on the code, both servers and both keys", () => {
    const inviting = new PairingKeys();
    const joining = new PairingKeys();
    const inviter = offerOf(inviting, ALPHA);
    const joiner = offerOf(joining, BETA);
    const secret = inviting.agree(SECRET, inviter, joiner);
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(joining.agree(SECRET, inviter, joiner)).toBe(secret);
    const others = [
      joining.agree(SECRET.replace("00", "01"), inviter, joiner),
      joining.agree(SECRET, { ...inviter, uuid: BETA }, joiner),
      joining.agree(SECRET, inviter, { ...joiner, uuid: ALPHA }),
      joining.agree(SECRET, offerOf(new PairingKeys(), ALPHA), joiner),
    ];
    expect(new Set([secret, ...others]).size).toBe(5);
  });

  it("[L3] are refused where they are none, or of another kind", () => {
    const keys = new PairingKeys();
    const own = offerOf(keys, ALPHA);
    const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
    const rsaKey = rsa.export({ type: "spki", format: "der" }).toString("hex");
    // A point of small order makes the shared secret zero whatever the private key is.
    const zeroKey = keys.publicKey.slice(0, -64) + "00".repeat(32);
    for (const publicKey of ["", "zz", keys.publicKey.slice(2), rsaKey, zeroKey]) {
      const other = offerOf({ publicKey }, BETA);
      const failure = refusalOf(() => keys.agree(SECRET, own, other));
      expect(failure, publicKey).toMatchObject({ code: "refused" });
    }
  });

  it("[L3] are covered by the offer's MAC, with all else and the side", () => {
    const offer = offerOf(new PairingKeys(), ALPHA);
    const changed: PairOffer[] = [
      { ...offer, uuid: BETA },
      { ...offer, name: "beta" },
      { ...offer, host: "192.0.2.2" },
      { ...offer, mirrorPort: 24_403 },
      { ...offer, heartbeatPort: 24_403 },
      { ...offer, publicKey: new PairingKeys().publicKey },
      { ...offer, outageNumber: 4 },
    ];
    const macs = changed.map((each) => offerMac(SECRET, "inviter", each));
    macs.push(offerMac(SECRET, "inviter", offer), offerMac(SECRET, "joiner", offer));
    macs.push(offerMac(SECRET.replace("00", "01"), "inviter", offer));
    expect(new Set(macs).size).toBe(10);
    expect(offerMac(SECRET, "inviter", { ...offer })).toBe(macs[7]);
  });
});
