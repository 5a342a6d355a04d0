/**
 * Text requests of a session (RFC 7143 sections 11.10, 11.11): gathers a text that comes in several PDUs, answers its
 * keys, and gives out a long answer piece by piece, as the initiator asks for it.
 */
import { type SessionParameters, takeMaxRecv } from "../login/parameters.ts";
import { formatText, MAX_TEXT_BYTES, parseText } from "../login/text.ts";
import { NO_TAG, textFlags } from "../pdu/pdu.ts";

export type TextAnswer =
  | { readonly kind: "answer"; readonly flags: number; readonly tag: number; readonly data: Buffer }
  | { readonly kind: "reject" };

/** Our tag while an answer goes on. One negotiation is open at a time, so one tag does. */
const OPEN_TAG = 1;

export class TextExchange {
  readonly #parameters: SessionParameters;
  readonly #sendTargets: (value: string) => string | null;
  /** Text of requests with the C bit. */
  collected: string;
  #rest: Buffer | null = null;

  constructor(
    parameters: SessionParameters,
    sendTargets: (value: string) => string | null,
    collected: string,
  ) {
    this.#parameters = parameters;
    this.#sendTargets = sendTargets;
    this.collected = collected;
  }

  /** An answer is half given out. */
  get isOpen(): boolean {
    return this.#rest !== null;
  }

  take(flags: number, tag: number, text: string): TextAnswer {
    const continued = (flags & textFlags.continued) !== 0;
    if (continued && (flags & textFlags.final) !== 0) return { kind: "reject" };
    // A tag of none begins anew and drops what was open.
    if (tag === NO_TAG && this.#rest !== null) this.#rest = null;
    if (this.#rest !== null) return text === "" ? this.#nextPiece() : { kind: "reject" };
    this.collected += text;
    if (this.collected.length > MAX_TEXT_BYTES) {
      this.collected = "";
      return { kind: "reject" };
    }
    if (continued) return { kind: "answer", flags: 0, tag: OPEN_TAG, data: Buffer.alloc(0) };
    const pairs = parseText(this.collected);
    this.collected = "";
    if (!pairs) return { kind: "reject" };
    const answers = pairs.map(([key, value]) => this.#answerTo(key, value)).join("");
    this.#rest = Buffer.from(answers, "latin1");
    return this.#nextPiece();
  }

  #answerTo(key: string, value: string): string {
    if (key === "SendTargets") return this.#sendTargets(value) ?? formatText([[key, "Reject"]]);
    if (key === "MaxRecvDataSegmentLength") {
      const answer = takeMaxRecv(value, this.#parameters);
      return answer === null ? "" : formatText([[key, answer]]);
    }
    if (key === "InitiatorAlias") return "";
    return formatText([[key, "NotUnderstood"]]);
  }

  #nextPiece(): TextAnswer {
    const rest = this.#rest as Buffer;
    const data = rest.subarray(0, this.#parameters.initiatorMaxRecvBytes);
    const left = rest.subarray(data.length);
    if (left.length === 0) {
      this.#rest = null;
      return { kind: "answer", flags: textFlags.final, tag: NO_TAG, data };
    }
    this.#rest = left;
    return { kind: "answer", flags: textFlags.continued, tag: OPEN_TAG, data };
  }
}
