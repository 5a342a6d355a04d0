import { describe, expect, it } from "vitest";
import { loginStatus } from "./login-status.ts";
import { LoginNegotiation, type LoginRequest } from "./negotiation.ts";
import { formatText, MAX_TEXT_BYTES, parseText, type TextPair } from "./text.ts";

const NAMES: TextPair[] = [
  ["InitiatorName", "iqn.test:i"],
  ["TargetName", "iqn.test:t"],
];

function request(pairs: readonly TextPair[], changes: Partial<LoginRequest> = {}): LoginRequest {
  return {
    transit: true,
    continued: false,
    currentStage: 1,
    nextStage: 3,
    versionMin: 0,
    isid: "800000000001",
    tsih: 0,
    cid: 0,
    text: formatText(pairs),
    ...changes,
  };
}

const start = () => new LoginNegotiation({ portalGroupTag: 1, collectedText: "" });

/** Offers one key in a whole login; the answer's value for it. */
function answerTo(key: string, value: string): string | undefined {
  const answer = start().take(request([...NAMES, [key, value]]));
  expect(answer.status).toBe(loginStatus.success);
  return new Map(parseText(answer.text)).get(key);
}

describe("operational keys", () => {
  it.each([
    ["HeaderDigest", "None,CRC32C", "None"],
    ["HeaderDigest", "CRC32C,None", "CRC32C"],
    ["DataDigest", "X-other,CRC32C", "CRC32C"],
    ["DataDigest", "X-other", "Reject"],
    ["MaxConnections", "8", "1"],
    ["InitialR2T", "No", "No"],
    ["InitialR2T", "Yes", "Yes"],
    ["ImmediateData", "Maybe", "Reject"],
    ["MaxBurstLength", "512", "512"],
    ["MaxBurstLength", "16777215", "8388608"],
    ["MaxBurstLength", "511", "Reject"],
    ["MaxBurstLength", "16777216", "Reject"],
    ["FirstBurstLength", "0x1000", "4096"],
    ["FirstBurstLength", "1048576", "262144"],
    ["MaxOutstandingR2T", "16", "1"],
    ["DefaultTime2Wait", "5", "5"],
    ["DefaultTime2Retain", "20", "0"],
    ["ErrorRecoveryLevel", "2", "0"],
    ["DataPDUInOrder", "No", "Yes"],
    ["DataSequenceInOrder", "No", "Yes"],
    ["IFMarker", "Yes", "No"],
    ["OFMarkInt", "2048", "Reject"],
    ["TaskReporting", "FastAbort,RFC3720", "RFC3720"],
    ["iSCSIProtocolLevel", "2", "1"],
    ["X-com.example.key", "1", "NotUnderstood"],
    ["InitiatorAlias", "me", undefined],
  ])("%s=%s is answered %s", (key, value, expected) => {
    expect(answerTo(key, value)).toBe(expected);
  });

  it("both sides declare their longest data segment", () => {
    const negotiation = start();
    const answer = negotiation.take(request([...NAMES, ["MaxRecvDataSegmentLength", "65536"]]));
    expect(new Map(parseText(answer.text)).get("MaxRecvDataSegmentLength")).toBe("1048576");
    expect(negotiation.parameters.initiatorMaxRecvBytes).toBe(65_536);
  });

  it("the first burst never exceeds a burst", () => {
    const negotiation = start();
    negotiation.take(request([...NAMES, ["MaxBurstLength", "8192"]]));
    expect(negotiation.parameters.firstBurstBytes).toBe(8192);
  });
});

describe("stages", () => {
  it("security, then operational, then full feature phase", () => {
    const negotiation = start();
    const security = request([...NAMES, ["AuthMethod", "CHAP,None"]], {
      currentStage: 0,
      nextStage: 1,
    });
    const first = negotiation.take(security);
    expect([first.flags, first.done]).toEqual([0x81, false]);
    const text = new Map(parseText(first.text));
    expect([text.get("AuthMethod"), text.get("TargetPortalGroupTag")]).toEqual(["None", "1"]);
    const second = negotiation.take(request([["InitialR2T", "No"]]));
    expect([second.flags, second.done]).toEqual([0x87, true]);
  });

  it("a text in pieces is read once it is whole", () => {
    const negotiation = start();
    const text = formatText([...NAMES, ["ErrorRecoveryLevel", "1"]]);
    for (const piece of [text.slice(0, 10), text.slice(10, 40)]) {
      const part = request([], { text: piece, continued: true, transit: false });
      const answer = negotiation.take(part);
      expect([answer.status, answer.text, answer.done]).toEqual([0, "", false]);
    }
    expect(negotiation.take(request([], { text: text.slice(40) })).done).toBe(true);
    expect(negotiation.targetName).toBe("iqn.test:t");
  });

  it.each<[string, Partial<LoginRequest>, readonly TextPair[], number]>([
    ["no initiator name", {}, NAMES.slice(1), loginStatus.missingParameter],
    ["no target name", {}, NAMES.slice(0, 1), loginStatus.missingParameter],
    ["an unknown version", { versionMin: 1 }, NAMES, loginStatus.unsupportedVersion],
    ["a stage that isn't", { currentStage: 2 }, NAMES, loginStatus.initiatorError],
    ["a step back", { currentStage: 1, nextStage: 0 }, NAMES, loginStatus.initiatorError],
    ["transit with more to come", { continued: true }, NAMES, loginStatus.initiatorError],
    ["a key twice", {}, [...NAMES, ...NAMES], loginStatus.initiatorError],
    ["a key of ours", {}, [...NAMES, ["TargetAlias", "x"]], loginStatus.initiatorError],
    ["no known method", { currentStage: 0 }, [...NAMES, ["AuthMethod", "CHAP"]], 0x0201],
    ["another session type", {}, [...NAMES, ["SessionType", "Odd"]], 0x0209],
    ["text without an equals sign", { text: "abc\0" }, [], loginStatus.initiatorError],
    ["endless text", { text: "a".repeat(MAX_TEXT_BYTES + 1) }, [], loginStatus.initiatorError],
  ])("refuses %s", (_name, changes, pairs, status) => {
    expect(start().take(request(pairs, changes)).status).toBe(status);
  });

  it("refuses a change of stage or of ISID in the middle", () => {
    const negotiation = start();
    negotiation.take(request(NAMES, { transit: false }));
    expect(negotiation.take(request([], { currentStage: 0 })).status).toBe(0x0200);
    expect(negotiation.take(request([], { isid: "1" })).status).toBe(0x0200);
  });
});
