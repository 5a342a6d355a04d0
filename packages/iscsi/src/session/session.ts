/**
 * One iSCSI session, which is one connection (MaxConnections=1, ErrorRecoveryLevel 0): from its login to its end. It
 * takes PDUs from the decoder, keeps the order of commands, runs them as tasks, and is their I_T nexus. Answers of all
 * commands in one received chunk leave together.
 *
 *   login -> full-feature -> (draining) -> closed -> ended, when no task is under way any more
 */
import type { Socket } from "node:net";
import type { LoginNegotiation } from "../login/negotiation.ts";
import type { SessionParameters } from "../login/parameters.ts";
import { TARGET_MAX_RECV_BYTES } from "../login/parameters.ts";
import { type DecodeFailure, PduDecoder, type PduSink } from "../pdu/decoder.ts";
import { Outbox } from "../pdu/outbox.ts";
import {
  commandFlags,
  isImmediate,
  ORDERED_ATTRIBUTE,
  opcodeOf,
  opcodes,
  rejectReasons,
} from "../pdu/pdu.ts";
import { runCommand } from "../scsi/commands.ts";
import { type Sense, senses } from "../scsi/sense.ts";
import type { Nexus, Task } from "../scsi/task.ts";
import type { Unit } from "../scsi/unit.ts";
import { Attentions } from "./attentions.ts";
import { CommandWindow } from "./command-window.ts";
import { DataOut } from "./data-out.ts";
import { Departure, type Detach } from "./departure.ts";
import { MAX_HELD_BYTES, MAX_SENDING_BYTES } from "./limits.ts";
import { LoginPhase } from "./login-phase.ts";
import { Requests } from "./requests.ts";
import { Responder } from "./responder.ts";
import type { EndReason, SessionHost } from "./session-host.ts";
import type { LoginHandoff, SessionStart, SessionState } from "./session-state.ts";
import type { SessionTask } from "./session-task.ts";
import { TaskTable } from "./task-table.ts";
import { TextExchange } from "./text-exchange.ts";

/** How long an initiator may take to close its side after we closed ours, in milliseconds. */
const END_LIMIT_MS = 3000;

export class Session implements PduSink, Nexus {
  readonly host: SessionHost;
  readonly socket: Socket;
  readonly remoteAddress: string;
  readonly outbox: Outbox;
  readonly responder: Responder;
  readonly window: CommandWindow;
  readonly decoder: PduDecoder;
  readonly attentions = new Attentions();
  parameters: SessionParameters;
  units: readonly Unit[] = [];
  targetName: string;
  initiatorName: string;
  isid = "";
  tsih = 0;
  cid = 0;
  /** A discovery session has no units and answers SendTargets for all targets. */
  discovery = false;

  phase: "login" | "full-feature" | "closed" = "login";
  /** Something was received since the keepalive looked last. */
  heard = true;
  /** Keepalive ticks without anything received. */
  silentTicks = 0;

  #login: LoginPhase | null = null;
  readonly #text: TextExchange;
  readonly #requests: Requests;
  readonly #dataOut: DataOut;
  readonly #tasks: TaskTable;
  /** Task management functions and other answers that wait for something. */
  pendingAnswers = 0;
  #sendingBytes = 0;
  #receiving = false;
  flushScheduled = false;
  /** Called when the session is over and none of its tasks is under way. */
  readonly onEnded: (() => void)[] = [];
  #endReason: EndReason | null = null;
  #ended = false;
  #departure: Departure | null = null;

  private constructor(host: SessionHost, socket: Socket, start: SessionStart) {
    this.host = host;
    this.socket = socket;
    this.remoteAddress = start.remoteAddress;
    this.targetName = start.targetName;
    this.initiatorName = start.initiatorName;
    this.parameters = start.parameters;
    this.outbox = new Outbox(socket, host.pool, () => this.#onTaken());
    this.window = new CommandWindow(start.expCmdSn, start.skippedCmdSns);
    this.#tasks = new TaskTable(this, this.window);
    this.responder = new Responder(this.outbox, host.pool, this.window, start.statSn);
    this.decoder = new PduDecoder(this, TARGET_MAX_RECV_BYTES);
    this.#dataOut = new DataOut(this.responder, start.parameters, start.nextTargetTag);
    const sendTargets = (value: string) => host.sendTargets(this, value);
    this.#text = new TextExchange(start.parameters, sendTargets, start.text);
    this.#requests = new Requests(this, this.#text);
    socket.setNoDelay(true);
  }

  /** A session that begins with the login in `handoff`; `negotiation` knows the text collected so far. */
  static forLogin(
    host: SessionHost,
    socket: Socket,
    handoff: LoginHandoff,
    negotiation: LoginNegotiation,
  ): Session {
    const session = new Session(host, socket, {
      ...handoff,
      parameters: negotiation.parameters,
      expCmdSn: 0,
      skippedCmdSns: [],
      nextTargetTag: 1,
      text: "",
    });
    session.#login = new LoginPhase(session, negotiation);
    session.#listen(handoff.bytes);
    return session;
  }

  /** A session in full feature phase that another thread had before. */
  static fromState(
    host: SessionHost,
    socket: Socket,
    state: SessionState,
    units: readonly Unit[],
  ): Session {
    const session = new Session(host, socket, state);
    session.isid = state.isid;
    session.cid = state.cid;
    for (const { lun, senses: queue } of state.attentions) {
      const unit = units.find(({ number }) => number === lun);
      if (unit) for (const sense of queue) session.attentions.add(unit, sense);
    }
    session.enterFullFeature(state.tsih, units);
    session.#listen(state.bytes);
    return session;
  }

  #listen(bytes: Uint8Array): void {
    this.socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.socket.on("error", () => this.close("connection-error"));
    this.socket.on("close", () => this.close("connection-closed"));
    if (bytes.length > 0) {
      this.#receive(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    }
  }

  /** Negotiation is over, and its last answer sent. */
  enterFullFeature(tsih: number, units: readonly Unit[]): void {
    this.tsih = tsih;
    this.units = units;
    this.phase = "full-feature";
    this.#login = null;
    this.decoder.headerDigest = this.parameters.headerDigest;
    this.decoder.dataDigest = this.parameters.dataDigest;
    this.decoder.maxDataBytes = TARGET_MAX_RECV_BYTES;
    this.responder.useParameters(this.parameters);
  }

  // Receiving.

  #receive(chunk: Buffer): void {
    if (this.phase === "closed") return;
    this.heard = true;
    this.#receiving = true;
    this.decoder.push(chunk);
    this.#receiving = false;
    this.outbox.flush();
    this.#departure?.attempt();
  }

  onPdu(header: Buffer, at: number, data: Buffer, dataAt: number, dataLength: number): void {
    if (this.phase === "closed") return;
    if (this.#login !== null) {
      this.#login.take(header, at, data.subarray(dataAt, dataAt + dataLength));
      return;
    }
    const opcode = opcodeOf(header, at);
    if (opcode === opcodes.scsiCommand) {
      this.#scsiCommand(header, at, data, dataAt, dataLength);
    } else if (opcode === opcodes.dataOut) {
      const task = this.#tasks.get(header.readUInt32BE(at + 16));
      // Without a task it belongs to one that was aborted or answered: dropped.
      if (task?.phase === "receiving") {
        this.#dataOut.take(task, header, at, data, dataAt, dataLength);
      }
    } else {
      this.#requests.take(opcode, header, at, data.subarray(dataAt, dataAt + dataLength));
    }
    if (this.#sendingBytes + this.outbox.pendingBytes > MAX_SENDING_BYTES) this.#pause();
  }

  gatherInto(header: Buffer, at: number, dataLength: number): Buffer {
    const opcode = opcodeOf(header, at);
    if (opcode === opcodes.scsiCommand) {
      return this.#dataOut.bufferForImmediate(header, at, dataLength);
    }
    if (opcode === opcodes.dataOut) {
      const task = this.#tasks.get(header.readUInt32BE(at + 16));
      const buffer = task && this.#dataOut.bufferForDataOut(task, header, at, dataLength);
      if (buffer) {
        this.decoder.gatherAt = header.readUInt32BE(at + 40);
        return buffer;
      }
    }
    return Buffer.allocUnsafe(dataLength);
  }

  onDecodeFailure(failure: DecodeFailure): void {
    const isDigest = failure !== "data-too-long";
    this.close(isDigest ? "digest-error" : "protocol-error");
  }

  /**
   * Takes the CmdSN of a request that carries one. False: the request is not to be carried out, and what is to be done
   * about that is done.
   */
  admit(header: Buffer, at: number): boolean {
    const immediate = isImmediate(header, at);
    const admission = this.window.admit(header.readUInt32BE(at + 24), immediate);
    if (admission === "gap") this.close("protocol-error");
    return admission === "take";
  }

  #scsiCommand(header: Buffer, at: number, data: Buffer, dataAt: number, dataLength: number): void {
    if (!this.admit(header, at)) return;
    const tag = header.readUInt32BE(at + 16);
    if (this.#tasks.has(tag)) {
      this.#requests.reject(rejectReasons.taskInProgress, header, at);
      return;
    }
    const immediate = isImmediate(header, at);
    if (this.discovery || (immediate && !this.#tasks.hasRoomForImmediate)) {
      const { notSupported, tooManyImmediate } = rejectReasons;
      this.#requests.reject(this.discovery ? notSupported : tooManyImmediate, header, at);
      return;
    }
    const task = this.#tasks.take(tag, immediate);
    const flags = header[at + 1] as number;
    const expected = header.readUInt32BE(at + 20);
    task.cmdSn = header.readUInt32BE(at + 24);
    task.lunHigh = header.readUInt32BE(at + 8);
    task.lunLow = header.readUInt32BE(at + 12);
    task.unit = this.unitOf(task.lunHigh, task.lunLow);
    task.ordered = (flags & commandFlags.attributes) === ORDERED_ATTRIBUTE;
    task.expectedIn = (flags & commandFlags.read) !== 0 ? expected : 0;
    task.expectedOut = (flags & commandFlags.write) !== 0 && task.expectedIn === 0 ? expected : 0;
    const wrong = this.#dataOut.beginCommand(task, flags, data, dataAt, dataLength);
    if (wrong !== null) task.fail(wrong);
    else runCommand(task, header, at + 32);
    this.#dataOut.endCommand();
    if (task.phase !== "idle") this.#tasks.list(task);
  }

  /** The unit with this 8-byte LUN, in single-level peripheral or flat addressing (SAM-5 section 4.7.7). */
  unitOf(lunHigh: number, lunLow: number): Unit | null {
    if (lunLow !== 0 || (lunHigh & 0xffff) !== 0) return null;
    const method = lunHigh >>> 30;
    const number = method === 1 ? (lunHigh >>> 16) & 0x3fff : lunHigh >>> 16;
    if (method > 1 || (method === 0 && number > 0xff)) return null;
    for (const unit of this.units) if (unit.number === number) return unit;
    return null;
  }

  // The nexus of its tasks.

  receive(task: Task, length: number): void {
    this.#dataOut.receive(task as SessionTask, length);
  }

  reserve(task: Task, length: number): void {
    this.responder.reserve(task as SessionTask, length);
    this.#sendingBytes += (task as SessionTask).reservedBytes;
  }

  finish(task: Task): void {
    const own = task as SessionTask;
    if (own.aborted || this.phase === "closed") {
      this.responder.drop(own);
      this.#free(own);
      return;
    }
    if (own.unsolicitedOpen) {
      own.concluded = true;
      own.phase = "receiving";
      return;
    }
    this.#tasks.leaveWindow(own);
    this.responder.answer(own);
    this.#free(own);
    if (!this.#receiving) this.host.flushLater(this);
  }

  takeAttention(unit: Unit | null): Sense | null {
    return unit === null ? null : this.attentions.take(unit);
  }

  takeReportedLunsAttention(): void {
    this.attentions.drop(senses.reportedLunsChanged.code);
  }

  #free(task: SessionTask): void {
    this.#sendingBytes -= task.reservedBytes;
    this.#dataOut.release(task);
    const { onGone } = task;
    this.#tasks.free(task);
    if (onGone) onGone();
    if (this.phase === "closed") this.#tryEnd();
    else if (this.decoder.paused) this.#resumeIfRoomy();
    this.#departure?.attempt();
  }

  taskByTag(tag: number): SessionTask | undefined {
    const task = this.#tasks.get(tag);
    return task?.aborted ? undefined : task;
  }

  tasksOf(unit: Unit): SessionTask[] {
    return this.#tasks.of(unit);
  }

  /** Ends a task without an answer; `gone` when it can't change anything any more. */
  abortTask(task: SessionTask, gone: () => void): void {
    task.aborted = true;
    task.onGone = gone;
    if (task.phase === "receiving") this.finish(task);
    else if (task.unit?.withdraw(task)) this.finish(task);
  }

  // Sending.

  #onTaken(): void {
    if (this.decoder.paused) this.#resumeIfRoomy();
    this.#departure?.attempt();
  }

  #pause(): void {
    this.decoder.pause();
    this.socket.pause();
  }

  #resumeIfRoomy(): void {
    if (this.phase !== "full-feature" || this.#receiving) return;
    if (this.#sendingBytes + this.outbox.pendingBytes > MAX_SENDING_BYTES / 2) return;
    this.heard = true;
    this.#receiving = true;
    this.decoder.resume();
    this.#receiving = false;
    this.outbox.flush();
    if (!this.decoder.paused) this.socket.resume();
  }

  ping(): void {
    this.#requests.ping();
    this.outbox.flush();
  }

  /** Tells the initiator that the target goes away. */
  askForLogout(): void {
    this.#requests.askForLogout();
    this.outbox.flush();
  }

  // The end.

  /** Sends what is to be sent and closes then. */
  end(reason: EndReason): void {
    if (this.phase === "closed") return;
    this.outbox.flush();
    this.socket.end();
    this.socket.resume();
    this.socket.setTimeout(END_LIMIT_MS, () => this.socket.destroy());
    this.#close(reason);
  }

  close(reason: EndReason): void {
    if (this.phase === "closed") return;
    this.#close(reason);
    this.socket.destroy();
  }

  #close(reason: EndReason): void {
    this.phase = "closed";
    this.#endReason = reason;
    this.decoder.stop();
    for (const task of this.#tasks.all()) {
      if (!task.aborted) this.abortTask(task, () => {});
    }
    this.#tryEnd();
  }

  #tryEnd(): void {
    if (this.#ended || this.#tasks.size > 0) return;
    this.#ended = true;
    this.host.ended(this, this.#endReason as EndReason);
    this.#departure?.fail();
  }

  // Moving to another thread (SPEC S1).

  wantsWhileHolding(header: Buffer, at: number): boolean {
    if (opcodeOf(header, at) === opcodes.dataOut) {
      if (this.#tasks.has(header.readUInt32BE(at + 16))) return true;
    }
    if (this.decoder.heldBytes > MAX_HELD_BYTES) this.close("too-much-held");
    return false;
  }

  /**
   * Starts nothing new, ends what is under way, then gives the session away; null if it ended meanwhile. A session
   * that logs in at this moment moves once it is through.
   */
  drain(detach: Detach, done: (state: SessionState | null) => void): void {
    this.#departure = new Departure(this, detach, done);
    this.#departure.attempt();
  }

  /** Holds back what comes, and says whether nothing is under way any more. */
  mayDepart(): boolean {
    if (this.phase !== "full-feature" || this.#receiving) return false;
    this.decoder.hold();
    if (this.decoder.paused) this.#resumeIfRoomy();
    const answers = this.pendingAnswers > 0 || this.#text.isOpen;
    return this.#tasks.size === 0 && !answers && this.outbox.pendingBytes === 0;
  }

  stateWith(fd: number, bytes: Buffer): SessionState {
    const { targetName, initiatorName, remoteAddress, isid, tsih, cid, parameters } = this;
    return {
      ...{ fd, bytes, targetName, initiatorName, remoteAddress, isid, tsih, cid, parameters },
      expCmdSn: this.window.expCmdSn,
      skippedCmdSns: this.window.skipped,
      statSn: this.responder.statSn,
      nextTargetTag: this.#dataOut.nextTag,
      attentions: this.attentions.all(),
      text: this.#text.collected,
    };
  }
}
