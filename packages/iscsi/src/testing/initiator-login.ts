/** The test initiator's login: offers keys, reads what the target made of them. */

import { formatText, parseText, type TextPair } from "../login/text.ts";
import { firstWord, IMMEDIATE, opcodes } from "../pdu/pdu.ts";
import { type ReceivedPdu, WireClient } from "./wire-client.ts";

export interface LoginOptions {
  readonly host?: string;
  readonly port: number;
  /** Absent: a discovery session. */
  readonly targetName?: string;
  readonly initiatorName?: string;
  /** The lower 32 bits of the ISID: sessions of one initiator need different ones. */
  readonly isid?: number;
  /** Operational keys to offer instead of, or besides, the usual ones. */
  readonly keys?: Readonly<Record<string, string>>;
}

/** What the session may do, in bytes where it is a length. */
export interface Negotiated {
  readonly initialR2T: boolean;
  readonly immediateData: boolean;
  readonly firstBurstBytes: number;
  readonly maxBurstBytes: number;
  readonly targetMaxRecvBytes: number;
}

/** The target refused: RFC 7143 section 11.13.5. */
export class LoginRefused extends Error {
  /** Status class and detail as one number, 0x0203 for "not found". */
  readonly status: number;

  constructor(status: number) {
    super(`login refused with status 0x${status.toString(16).padStart(4, "0")}`);
    this.name = "LoginRefused";
    this.status = status;
  }
}

const USUAL_KEYS: Readonly<Record<string, string>> = {
  HeaderDigest: "None",
  DataDigest: "None",
  InitialR2T: "No",
  ImmediateData: "Yes",
  MaxRecvDataSegmentLength: "262144",
  MaxBurstLength: "262144",
  FirstBurstLength: "65536",
  MaxOutstandingR2T: "1",
  MaxConnections: "1",
  DefaultTime2Wait: "2",
  DefaultTime2Retain: "0",
  ErrorRecoveryLevel: "0",
  DataPDUInOrder: "Yes",
  DataSequenceInOrder: "Yes",
};

const OPERATIONAL_TO_FULL = 0x80 | (1 << 2) | 3;
/** ISID type "random" (T=10b), as the upper byte. */
const ISID_RANDOM = 0x8000_0000;

export interface LoggedIn {
  readonly client: WireClient;
  readonly negotiated: Negotiated;
  /** What the target answered and declared. */
  readonly answers: ReadonlyMap<string, string>;
  /** The last response: its StatSN and MaxCmdSN are where the session begins. */
  readonly response: ReceivedPdu;
}

/** Opens a connection and logs in; the first command's CmdSN is 1. Throws `LoginRefused`. */
export async function login(options: LoginOptions): Promise<LoggedIn> {
  const client = await WireClient.connect(options.port, options.host);
  const initiatorName = options.initiatorName ?? "iqn.2026-11.test:initiator";
  const names: TextPair[] = [["InitiatorName", initiatorName]];
  if (options.targetName === undefined) names.push(["SessionType", "Discovery"]);
  else names.push(["TargetName", options.targetName], ["SessionType", "Normal"]);
  const offered = { ...USUAL_KEYS, ...options.keys };
  const isid = options.isid ?? Math.floor(Math.random() * 2 ** 32);
  client.send(
    {
      first: firstWord(opcodes.loginRequest | IMMEDIATE, OPERATIONAL_TO_FULL),
      lunHigh: (ISID_RANDOM | (isid >>> 16)) >>> 0,
      lunLow: ((isid & 0xffff) << 16) >>> 0,
      statSn: 1,
    },
    Buffer.from(formatText([...names, ...Object.entries(offered)])),
  );
  const response = await client.next();
  if (response?.opcode !== opcodes.loginResponse) {
    client.close();
    throw new Error("the connection was closed during login");
  }
  const status = response.word36 >>> 16;
  if (status !== 0) {
    client.close();
    throw new LoginRefused(status);
  }
  const answers = new Map(parseText(response.data.toString("latin1")) ?? []);
  client.useDigests(
    answers.get("HeaderDigest") === "CRC32C",
    answers.get("DataDigest") === "CRC32C",
  );
  return { client, answers, response, negotiated: readNegotiated(answers) };
}

function readNegotiated(answers: ReadonlyMap<string, string>): Negotiated {
  const number = (key: string) => Number(answers.get(key));
  return {
    initialR2T: answers.get("InitialR2T") === "Yes",
    immediateData: answers.get("ImmediateData") === "Yes",
    firstBurstBytes: number("FirstBurstLength"),
    maxBurstBytes: number("MaxBurstLength"),
    targetMaxRecvBytes: number("MaxRecvDataSegmentLength"),
  };
}
