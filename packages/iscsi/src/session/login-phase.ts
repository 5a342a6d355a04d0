/**
 * A session's login phase: takes Login Requests off the connection, lets the negotiation answer them, and asks the host
 * whether the initiator may enter. Anything but a Login Request ends the connection.
 */
import {
  type LoginAnswer,
  type LoginNegotiation,
  readLoginRequest,
  refusal,
} from "../login/negotiation.ts";
import { firstWord, opcodeOf, opcodes } from "../pdu/pdu.ts";
import { MAX_LOGIN_DATA_BYTES } from "./limits.ts";
import type { Session } from "./session.ts";
import type { LoginDecision } from "./session-host.ts";

export class LoginPhase {
  readonly #session: Session;
  readonly #negotiation: LoginNegotiation;
  #cmdSn: number | null = null;
  #initiatorTag = 0;
  #isidHigh = 0;
  #isidLow = 0;
  /** The host is deciding: no request may come. */
  #deciding = false;

  constructor(session: Session, negotiation: LoginNegotiation) {
    this.#session = session;
    this.#negotiation = negotiation;
    session.decoder.maxDataBytes = MAX_LOGIN_DATA_BYTES;
  }

  take(header: Buffer, at: number, data: Buffer): void {
    if (opcodeOf(header, at) !== opcodes.loginRequest || this.#deciding) {
      this.#session.close("protocol-error");
      return;
    }
    if (this.#cmdSn === null) {
      this.#cmdSn = header.readUInt32BE(at + 24);
      this.#session.window.expCmdSn = this.#cmdSn;
    }
    this.#initiatorTag = header.readUInt32BE(at + 16);
    this.#isidHigh = header.readUInt32BE(at + 8);
    this.#isidLow = header.readUInt16BE(at + 12);
    const request = readLoginRequest(header, at, data.toString("latin1"));
    const answer = this.#negotiation.take(request);
    if (!answer.done) {
      this.#respond(answer, request.tsih);
      return;
    }
    this.#deciding = true;
    this.#session.isid = this.#negotiation.isid;
    this.#session.cid = this.#negotiation.cid;
    this.#session.initiatorName = this.#negotiation.initiatorName;
    this.#session.discovery = this.#negotiation.sessionType === "Discovery";
    this.#session.host.admit(this.#session, this.#negotiation, request.tsih, (decision) => {
      this.#decided(answer, decision);
    });
  }

  #decided(answer: LoginAnswer, decision: LoginDecision): void {
    const session = this.#session;
    if (session.phase === "closed") return;
    if (decision.kind === "refused") {
      this.#respond(refusal(decision.status), 0);
      return;
    }
    this.#respond(answer, decision.tsih);
    session.enterFullFeature(decision.tsih, decision.units);
    session.host.flushLater(session);
  }

  #respond(answer: LoginAnswer, tsih: number): void {
    this.#session.responder.send(
      {
        first: firstWord(opcodes.loginResponse, answer.flags),
        lunHigh: this.#isidHigh,
        lunLow: ((this.#isidLow << 16) | tsih) >>> 0,
        initiatorTag: this.#initiatorTag,
        word36: answer.status << 16,
      },
      answer.text === "" ? null : Buffer.from(answer.text, "latin1"),
    );
    if (answer.status !== 0) this.#session.end("login-refused");
  }
}
