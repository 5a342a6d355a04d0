/**
 * Reads the begin of a connection until the login has named its target (SPEC S2). The request that does so is left
 * unanswered, for the target's owner; only requests whose text goes on in the next one (C bit) are answered here, for
 * else the initiator would not go on.
 */
import {
  ahsBytesOf,
  dataLengthOf,
  emptyHeader,
  firstWord,
  HEADER_BYTES,
  opcodeOf,
  opcodes,
  paddingOf,
  writeHeader,
} from "../pdu/pdu.ts";
import { serialAdd } from "../pdu/serial.ts";
import { type LoginStatus, loginStatus } from "./login-status.ts";
import { DEFAULT_MAX_RECV_BYTES } from "./parameters.ts";
import { MAX_TEXT_BYTES, parseText } from "./text.ts";

export type Greeting =
  | { readonly kind: "wait" }
  /** Send this and go on reading. */
  | { readonly kind: "continue"; readonly answer: Buffer }
  | {
      readonly kind: "wrong";
      readonly reason: "no-login" | "login-too-long" | "login-refused";
      readonly answer: Buffer | null;
    }
  | {
      readonly kind: "discovery" | "normal";
      readonly initiatorName: string;
      readonly targetName: string;
      readonly bytes: Buffer;
      readonly collectedText: string;
      readonly statSn: number;
    };

const WAIT: Greeting = { kind: "wait" };
/** A request that is not answered yet, and what an eager initiator may send behind it. */
const MAX_UNANSWERED_BYTES = HEADER_BYTES + DEFAULT_MAX_RECV_BYTES;

export class LoginReader {
  #bytes: Buffer = Buffer.alloc(0);
  #collected = "";
  #statSn: number | null = null;

  take(chunk: Buffer): Greeting {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const bytes = this.#bytes;
    if (bytes.length > 0 && opcodeOf(bytes, 0) !== opcodes.loginRequest) return wrong("no-login");
    if (bytes.length < HEADER_BYTES) return WAIT;
    const length = dataLengthOf(bytes, 0);
    if (ahsBytesOf(bytes, 0) !== 0) return wrong("no-login");
    if (length > DEFAULT_MAX_RECV_BYTES) return wrong("login-too-long");
    const end = HEADER_BYTES + length + paddingOf(length);
    if (bytes.length < end) return WAIT;
    if (bytes.length > end + MAX_UNANSWERED_BYTES) return wrong("login-too-long");
    this.#statSn ??= bytes.readUInt32BE(28);
    const text = bytes.toString("latin1", HEADER_BYTES, HEADER_BYTES + length);
    const continued = ((bytes[1] as number) & 0x40) !== 0;
    return continued ? this.#answerPart(text, end) : this.#greet(this.#collected + text);
  }

  #answerPart(text: string, end: number): Greeting {
    this.#collected += text;
    if (this.#collected.length > MAX_TEXT_BYTES) return wrong("login-too-long");
    const stage = (this.#bytes[1] as number) & 0x0c;
    const answer = this.#response(loginStatus.success, stage);
    this.#bytes = this.#bytes.subarray(end);
    // An initiator waits for the answer; one that doesn't breaks the protocol.
    return this.#bytes.length > 0 ? wrong("no-login") : { kind: "continue", answer };
  }

  #greet(text: string): Greeting {
    const pairs = new Map(parseText(text) ?? []);
    const initiatorName = pairs.get("InitiatorName");
    const targetName = pairs.get("TargetName");
    const kind = pairs.get("SessionType") === "Discovery" ? "discovery" : "normal";
    if (!initiatorName || (kind === "normal" && !targetName)) {
      const answer = this.#response(loginStatus.missingParameter, 0);
      return { kind: "wrong", reason: "login-refused", answer };
    }
    return {
      kind,
      initiatorName,
      targetName: targetName ?? "",
      bytes: this.#bytes,
      collectedText: this.#collected,
      statSn: this.#statSn as number,
    };
  }

  /** A Login Response without text to the request at hand. */
  #response(status: LoginStatus, flags: number): Buffer {
    const request = this.#bytes;
    const response = Buffer.alloc(HEADER_BYTES);
    const cmdSn = request.readUInt32BE(24);
    const statSn = this.#statSn as number;
    writeHeader(new DataView(response.buffer, response.byteOffset, HEADER_BYTES), 0, {
      ...emptyHeader(),
      first: firstWord(opcodes.loginResponse, flags),
      lunHigh: request.readUInt32BE(8),
      lunLow: request.readUInt32BE(12),
      initiatorTag: request.readUInt32BE(16),
      statSn,
      expCmdSn: cmdSn,
      maxCmdSn: cmdSn,
      word36: status << 16,
    });
    this.#statSn = serialAdd(statSn, 1);
    return response;
  }
}

function wrong(reason: "no-login" | "login-too-long"): Greeting {
  return { kind: "wrong", reason, answer: null };
}
