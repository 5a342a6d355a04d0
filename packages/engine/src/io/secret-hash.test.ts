import { describe, expect, it } from "vitest";
import { freshNonce, keyedHash, sameMac } from "./secret-hash.ts";

describe("a keyed hash", () => {
  it("[L3] differs with the secret, the use and the text", () => {
    const secret = Buffer.alloc(32, 1);
    const macs = [
      keyedHash(secret, "stream")("text"),
      keyedHash(secret, "control")("text"),
      keyedHash(Buffer.alloc(32, 2), "stream")("text"),
      keyedHash(secret, "stream")("other text"),
    ];
    for (const mac of macs) expect(mac).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(macs).size).toBe(4);
    expect(keyedHash(secret, "stream")("text")).toBe(macs[0]);
  });

  it("[L3] is the same as another only where every digit is", () => {
    const mac = keyedHash(Buffer.alloc(32, 1), "stream")("text");
    expect(sameMac(mac, mac)).toBe(true);
    for (let at = 0; at < mac.length; at++) {
      const digit = mac[at] === "0" ? "1" : "0";
      expect(sameMac(mac, mac.slice(0, at) + digit + mac.slice(at + 1)), `digit ${at}`).toBe(false);
    }
    for (const other of ["", mac.slice(2), `${mac}00`, `${mac}zz`, "zz".repeat(32)]) {
      expect(sameMac(mac, other), other).toBe(false);
    }
    expect(sameMac("", "")).toBe(false);
  });

  it("[L3] gets a nonce that was not there before", () => {
    const nonces = Array.from({ length: 100 }, () => freshNonce());
    expect(new Set(nonces).size).toBe(100);
    for (const nonce of nonces) expect(nonce).toMatch(/^[0-9a-f]{32}$/);
  });
});
