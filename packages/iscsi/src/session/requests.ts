/**
 * What an initiator asks besides SCSI commands: NOP-Out, task management, Text, Logout; and what a target says unasked:
 * pings, Reject, Async Message (RFC 7143 section 11).
 */
import { firstWord, HEADER_BYTES, NO_TAG, opcodes, rejectReasons } from "../pdu/pdu.ts";
import type { Session } from "./session.ts";
import { manageTasks } from "./task-management.ts";
import type { TextExchange } from "./text-exchange.ts";

const FINAL = 0x80;

const logoutReasons = { closeSession: 0, closeConnection: 1, recovery: 2 } as const;
const logoutResponses = { closed: 0, cidNotFound: 1, recoveryNotSupported: 2 } as const;

/** Async Message: the target asks for a logout, and for how long it waits. */
const ASYNC_LOGOUT = 1;
const LOGOUT_WAIT_S = 3;

export class Requests {
  readonly #session: Session;
  readonly #text: TextExchange;
  #nextPingTag = 1;

  constructor(session: Session, text: TextExchange) {
    this.#session = session;
    this.#text = text;
  }

  take(opcode: number, header: Buffer, at: number, data: Buffer): void {
    switch (opcode) {
      case opcodes.nopOut:
        this.#nopOut(header, at, data);
        return;
      case opcodes.taskManagementRequest:
        if (this.#session.admit(header, at)) this.#taskManagement(header, at);
        return;
      case opcodes.textRequest:
        if (this.#session.admit(header, at)) this.#textRequest(header, at, data);
        return;
      case opcodes.logoutRequest:
        if (this.#session.admit(header, at)) this.#logout(header, at);
        return;
      case opcodes.snackRequest:
        this.reject(rejectReasons.snack, header, at);
        return;
      case opcodes.loginRequest:
        this.#session.close("protocol-error");
        return;
      default:
        this.reject(rejectReasons.notSupported, header, at);
    }
  }

  #nopOut(header: Buffer, at: number, data: Buffer): void {
    const initiatorTag = header.readUInt32BE(at + 16);
    // Without a tag it wants no answer: it is the answer to our ping, or only news of ExpStatSN.
    if (!this.#session.admit(header, at) || initiatorTag === NO_TAG) return;
    const echo = data.subarray(0, this.#session.parameters.initiatorMaxRecvBytes);
    this.#session.responder.send(
      {
        first: firstWord(opcodes.nopIn, FINAL),
        lunHigh: header.readUInt32BE(at + 8),
        lunLow: header.readUInt32BE(at + 12),
        initiatorTag,
        targetTag: NO_TAG,
      },
      echo.length === 0 ? null : echo,
    );
  }

  /** Asks a silent initiator whether it is there. */
  ping(): void {
    const targetTag = this.#nextPingTag;
    this.#nextPingTag = targetTag === 0x7fff_ffff ? 1 : targetTag + 1;
    const first = firstWord(opcodes.nopIn, FINAL);
    this.#session.responder.send({ first, initiatorTag: NO_TAG, targetTag }, null, false);
  }

  askForLogout(): void {
    const first = firstWord(opcodes.asyncMessage, FINAL);
    const event = ASYNC_LOGOUT << 24;
    const fields = { first, initiatorTag: NO_TAG, word36: event >>> 0, word40: LOGOUT_WAIT_S };
    this.#session.responder.send(fields, null);
  }

  #taskManagement(header: Buffer, at: number): void {
    const session = this.#session;
    const initiatorTag = header.readUInt32BE(at + 16);
    const request = {
      function: (header[at + 1] as number) & 0x7f,
      unit: session.unitOf(header.readUInt32BE(at + 8), header.readUInt32BE(at + 12)),
      referencedTag: header.readUInt32BE(at + 20),
      cmdSn: header.readUInt32BE(at + 24),
      refCmdSn: header.readUInt32BE(at + 32),
    };
    session.pendingAnswers++;
    manageTasks(session, session.window, request, (response) => {
      session.pendingAnswers--;
      if (session.phase === "closed") return;
      const first = firstWord(opcodes.taskManagementResponse, FINAL, response);
      session.responder.send({ first, initiatorTag }, null);
      session.host.flushLater(session);
    });
  }

  #textRequest(header: Buffer, at: number, data: Buffer): void {
    const flags = header[at + 1] as number;
    const answer = this.#text.take(flags, header.readUInt32BE(at + 20), data.toString("latin1"));
    if (answer.kind === "reject") {
      this.reject(rejectReasons.protocolError, header, at);
      return;
    }
    const { tag: targetTag } = answer;
    const first = firstWord(opcodes.textResponse, answer.flags);
    const initiatorTag = header.readUInt32BE(at + 16);
    this.#session.responder.useParameters(this.#session.parameters);
    this.#session.responder.send({ first, initiatorTag, targetTag }, answer.data);
  }

  #logout(header: Buffer, at: number): void {
    const reason = (header[at + 1] as number) & 0x7f;
    const cid = header.readUInt16BE(at + 20);
    let response: number = logoutResponses.closed;
    if (reason === logoutReasons.recovery) response = logoutResponses.recoveryNotSupported;
    else if (reason === logoutReasons.closeConnection && cid !== this.#session.cid) {
      response = logoutResponses.cidNotFound;
    } else if (reason > logoutReasons.recovery) {
      this.reject(rejectReasons.invalidField, header, at);
      return;
    }
    const first = firstWord(opcodes.logoutResponse, FINAL, response);
    // Time2Wait and Time2Retain, in one word: both 0, for nothing is retained.
    this.#session.responder.send({ first, initiatorTag: header.readUInt32BE(at + 16) }, null);
    if (response === logoutResponses.closed) this.#session.end("logout");
  }

  /** Answers a PDU that can't be carried out with its own header. */
  reject(reason: number, header: Buffer, at: number): void {
    const rejected = Buffer.from(header.subarray(at, at + HEADER_BYTES));
    const first = firstWord(opcodes.reject, FINAL, reason);
    this.#session.responder.send({ first, initiatorTag: NO_TAG }, rejected);
  }
}
