/**
 * The operational keys of a session (RFC 7143 section 13): what each may be, what we want, and how two wishes become
 * one result. A table, so that a key's whole rule stands in one line; the negotiation only walks it.
 */
import { parseNumber } from "./text.ts";

/** The results that a running session needs. Sizes in bytes. */
export interface SessionParameters {
  headerDigest: boolean;
  dataDigest: boolean;
  initialR2T: boolean;
  immediateData: boolean;
  /** Longest data segment the initiator takes. */
  initiatorMaxRecvBytes: number;
  maxBurstBytes: number;
  firstBurstBytes: number;
}

/** Longest data segment we take in full feature phase. */
export const TARGET_MAX_RECV_BYTES = 1024 * 1024;
/** Both sides' limit until they declare another, and so that of all login requests (section 13.12). */
export const DEFAULT_MAX_RECV_BYTES = 8192;
const MAX_BURST_BYTES = 8 * 1024 * 1024;
/** Unsolicited data of all commands in the window must be taken at any time: window times this is memory. */
const FIRST_BURST_BYTES = 256 * 1024;
const MAX_24_BITS = 2 ** 24 - 1;

/** What holds for keys that nobody negotiates (the RFC's defaults). */
export function defaultParameters(): SessionParameters {
  return {
    headerDigest: false,
    dataDigest: false,
    initialR2T: true,
    immediateData: true,
    initiatorMaxRecvBytes: DEFAULT_MAX_RECV_BYTES,
    maxBurstBytes: 262_144,
    firstBurstBytes: 65_536,
  };
}

/** Takes an offered value: sets what follows from it, and returns the answer; null when the key is only declared. */
type Key = (value: string, parameters: SessionParameters) => string | null;

const REJECT = "Reject";

function digest(set: (parameters: SessionParameters, on: boolean) => void): Key {
  return (value, parameters) => {
    const chosen = value.split(",").find((name) => name === "None" || name === "CRC32C");
    if (!chosen) return REJECT;
    set(parameters, chosen === "CRC32C");
    return chosen;
  };
}

function boolean(combine: (offered: boolean, parameters: SessionParameters) => boolean): Key {
  return (value, parameters) => {
    if (value !== "Yes" && value !== "No") return REJECT;
    return combine(value === "Yes", parameters) ? "Yes" : "No";
  };
}

function number(
  min: number,
  max: number,
  combine: (offered: number, parameters: SessionParameters) => number,
): Key {
  return (value, parameters) => {
    const offered = parseNumber(value, min, max);
    return offered === null ? REJECT : String(combine(offered, parameters));
  };
}

const declared: Key = () => null;

/** Keys of the operational stage by name. */
const keys: ReadonlyMap<string, Key> = new Map<string, Key>([
  [
    "HeaderDigest",
    digest((parameters, on) => {
      parameters.headerDigest = on;
    }),
  ],
  [
    "DataDigest",
    digest((parameters, on) => {
      parameters.dataDigest = on;
    }),
  ],
  ["MaxConnections", number(1, 65_535, () => 1)],
  [
    "InitialR2T",
    boolean((offered, parameters) => {
      parameters.initialR2T = offered;
      return offered;
    }),
  ],
  [
    "ImmediateData",
    boolean((offered, parameters) => {
      parameters.immediateData = offered;
      return offered;
    }),
  ],
  [
    "MaxBurstLength",
    number(512, MAX_24_BITS, (offered, parameters) => {
      parameters.maxBurstBytes = Math.min(offered, MAX_BURST_BYTES);
      return parameters.maxBurstBytes;
    }),
  ],
  [
    "FirstBurstLength",
    number(512, MAX_24_BITS, (offered, parameters) => {
      parameters.firstBurstBytes = Math.min(offered, FIRST_BURST_BYTES);
      return parameters.firstBurstBytes;
    }),
  ],
  ["DefaultTime2Wait", number(0, 3600, (offered) => offered)],
  // Nothing of a session outlives its connection at ErrorRecoveryLevel 0.
  ["DefaultTime2Retain", number(0, 3600, () => 0)],
  ["MaxOutstandingR2T", number(1, 65_535, () => 1)],
  ["DataPDUInOrder", boolean(() => true)],
  ["DataSequenceInOrder", boolean(() => true)],
  ["ErrorRecoveryLevel", number(0, 2, () => 0)],
  // Obsolete: section 13.22 wants "No" or "Reject", never "NotUnderstood".
  ["IFMarker", () => "No"],
  ["OFMarker", () => "No"],
  ["IFMarkInt", () => REJECT],
  ["OFMarkInt", () => REJECT],
  ["TaskReporting", (value) => (value.split(",").includes("RFC3720") ? "RFC3720" : REJECT)],
  ["iSCSIProtocolLevel", number(0, 31, (offered) => Math.min(offered, 1))],
  ["InitiatorAlias", declared],
  ["InitiatorName", declared],
  ["TargetName", declared],
  ["SessionType", declared],
]);

/** Keys that only we may declare: an initiator that sends one breaks the protocol. */
const TARGET_ONLY = new Set(["TargetAlias", "TargetAddress", "TargetPortalGroupTag"]);

export function takeMaxRecv(value: string, parameters: SessionParameters): string | null {
  const bytes = parseNumber(value, 512, MAX_24_BITS);
  if (bytes === null) return REJECT;
  parameters.initiatorMaxRecvBytes = bytes;
  return null;
}

export type KeyAnswer =
  | { readonly kind: "answer"; readonly value: string }
  | { readonly kind: "declared" }
  | { readonly kind: "forbidden" };

/** What an offered key of the operational stage leads to. */
export function takeKey(key: string, value: string, parameters: SessionParameters): KeyAnswer {
  if (TARGET_ONLY.has(key)) return { kind: "forbidden" };
  const rule = key === "MaxRecvDataSegmentLength" ? takeMaxRecv : keys.get(key);
  if (!rule) return { kind: "answer", value: "NotUnderstood" };
  const answer = rule(value, parameters);
  return answer === null ? { kind: "declared" } : { kind: "answer", value: answer };
}
