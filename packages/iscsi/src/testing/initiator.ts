/**
 * An iSCSI initiator for tests, over the target's own codec: discovers, logs in, reads, writes and flushes with as many
 * commands at once as the caller starts and the target's window allows. Every SCSI error, Reject and lost connection
 * becomes a rejected promise; it never reconnects by itself.
 */

import { parseText } from "../login/text.ts";
import { commandFlags, firstWord, NO_TAG, opcodes, responseFlags } from "../pdu/pdu.ts";
import { serialBefore } from "../pdu/serial.ts";
import { type LoggedIn, type LoginOptions, login, type Negotiated } from "./initiator-login.ts";
import type { ReceivedPdu, WireClient } from "./wire-client.ts";

export { type LoginOptions, LoginRefused } from "./initiator-login.ts";

const BLOCK_BYTES = 512;

/** A command ended with a status other than GOOD. */
export class ScsiError extends Error {
  readonly status: number;
  readonly key: number;
  /** Additional sense code and qualifier as one number. */
  readonly code: number;

  constructor(status: number, key: number, code: number) {
    const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
    super(
      `SCSI status 0x${hex(status, 2)}, sense key 0x${key.toString(16)}, code 0x${hex(code, 4)}`,
    );
    this.name = "ScsiError";
    this.status = status;
    this.key = key;
    this.code = code;
  }
}

/** The connection ended under a command, or the target rejected a PDU. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

export interface ScsiCommand {
  readonly cdb: readonly number[] | Buffer;
  /** Bytes expected from the target. */
  readonly expectIn?: number;
  readonly dataOut?: Buffer;
  readonly lun?: number;
  readonly immediate?: boolean;
  /** Task attribute: 1 simple, 2 ordered, 3 head of queue. */
  readonly attribute?: number;
}

export interface ScsiResult {
  readonly data: Buffer;
  /** Positive: overflow; negative: underflow. In bytes. */
  readonly residual: number;
}

interface Pending {
  readonly command: ScsiCommand;
  readonly data: Buffer;
  received: number;
  readonly resolve: (result: ScsiResult) => void;
  readonly reject: (error: Error) => void;
}

export class Initiator {
  readonly client: WireClient;
  readonly negotiated: Negotiated;
  readonly lun: number;
  #cmdSn = 1;
  #expStatSn: number;
  #maxCmdSn: number;
  #nextTag = 1;
  readonly #pending = new Map<number, Pending>();
  /** Other requests that await their answer, by tag. */
  readonly #requests = new Map<number, (pdu: ReceivedPdu | null) => void>();
  /** Commands that wait for the window. */
  readonly #queue: (() => void)[] = [];
  /** Pings of the target that were answered, and Async Messages received: for tests that look at them. */
  pingsAnswered = 0;
  readonly asyncEvents: number[] = [];

  private constructor({ client, negotiated, response }: LoggedIn, lun: number) {
    this.client = client;
    this.negotiated = negotiated;
    this.lun = lun;
    this.#expStatSn = response.statSn + 1;
    this.#maxCmdSn = response.maxCmdSn;
    client.onPdu = (pdu) => this.#take(pdu);
    void client.closed.then(() => this.#lose(new ConnectionLost("the connection was closed")));
  }

  /** Logs in to a target. Throws `LoginRefused`. */
  static async connect(
    options: LoginOptions & { readonly targetName: string; readonly lun?: number },
  ): Promise<Initiator> {
    return new Initiator(await login(options), options.lun ?? 0);
  }

  /** Names of all targets with their portals ("HOST:PORT,TAG"). */
  static async discover(
    options: Omit<LoginOptions, "targetName">,
  ): Promise<{ iqn: string; portals: string[] }[]> {
    const initiator = new Initiator(await login(options), 0);
    const text = await initiator.text("SendTargets=All\0");
    await initiator.logout();
    const targets: { iqn: string; portals: string[] }[] = [];
    for (const [key, value] of parseText(text) ?? []) {
      if (key === "TargetName") targets.push({ iqn: value, portals: [] });
      else if (key === "TargetAddress") targets.at(-1)?.portals.push(value);
    }
    return targets;
  }

  // Reading and writing.

  async read(offset: number, length: number): Promise<Buffer> {
    const cdb = transferCdb(0x88, offset, length, 0);
    return (await this.command({ cdb, expectIn: length })).data;
  }

  async write(offset: number, data: Buffer, options: { fua?: boolean } = {}): Promise<void> {
    const cdb = transferCdb(0x8a, offset, data.length, options.fua ? 0x08 : 0);
    await this.command({ cdb, dataOut: data });
  }

  async flush(): Promise<void> {
    await this.command({ cdb: [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0] });
  }

  async unmap(offset: number, length: number): Promise<void> {
    const list = Buffer.alloc(24);
    list.writeUInt16BE(22, 0);
    list.writeUInt16BE(16, 2);
    list.writeBigUInt64BE(BigInt(offset / BLOCK_BYTES), 8);
    list.writeUInt32BE(length / BLOCK_BYTES, 16);
    await this.command({ cdb: [0x42, 0, 0, 0, 0, 0, 0, 0, list.length, 0], dataOut: list });
  }

  /** Size of the unit in bytes. */
  async capacity(): Promise<number> {
    const cdb = [0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0];
    const { data } = await this.command({ cdb, expectIn: 32 });
    return (Number(data.readBigUInt64BE(0)) + 1) * data.readUInt32BE(8);
  }

  /** Runs any command; waits while the target's window is full. */
  command(command: ScsiCommand): Promise<ScsiResult> {
    return new Promise((resolve, reject) => {
      const data = Buffer.alloc(command.expectIn ?? 0);
      const start = () => this.#start({ command, data, received: 0, resolve, reject });
      if (this.client.isClosed) reject(new ConnectionLost("the connection is closed"));
      else if (command.immediate || (this.#queue.length === 0 && this.#windowOpen())) start();
      else this.#queue.push(start);
    });
  }

  #windowOpen(): boolean {
    return !serialBefore(this.#maxCmdSn, this.#cmdSn);
  }

  #start(pending: Pending): void {
    const { command } = pending;
    const tag = this.#takeTag();
    this.#pending.set(tag, pending);
    const out = command.dataOut ?? Buffer.alloc(0);
    const { immediateData, initialR2T, firstBurstBytes, targetMaxRecvBytes } = this.negotiated;
    const first = Math.min(out.length, firstBurstBytes);
    const immediate = immediateData ? Math.min(first, targetMaxRecvBytes) : 0;
    const unasked = initialR2T ? immediate : first;
    const cdb = Buffer.alloc(16);
    Buffer.from(command.cdb).copy(cdb);
    let flags: number = immediate < unasked ? 0 : commandFlags.final;
    if (command.expectIn) flags |= commandFlags.read;
    if (out.length > 0) flags |= commandFlags.write;
    flags |= command.attribute ?? 1;
    this.client.send(
      {
        first: firstWord(opcodes.scsiCommand | (command.immediate ? 0x40 : 0), flags),
        ...this.#lunWords(command.lun),
        initiatorTag: tag,
        targetTag: command.expectIn || out.length,
        statSn: command.immediate ? this.#cmdSn : this.#takeCmdSn(),
        expCmdSn: this.#expStatSn,
        maxCmdSn: cdb.readUInt32BE(0),
        word36: cdb.readUInt32BE(4),
        word40: cdb.readUInt32BE(8),
        word44: cdb.readUInt32BE(12),
      },
      out.subarray(0, immediate),
    );
    if (immediate < unasked) this.#sendData(tag, NO_TAG, out, immediate, unasked);
  }

  #sendData(tag: number, targetTag: number, out: Buffer, from: number, to: number): void {
    let dataSn = 0;
    for (let offset = from; offset < to; dataSn++) {
      const end = Math.min(to, offset + this.negotiated.targetMaxRecvBytes);
      this.client.send(
        {
          first: firstWord(opcodes.dataOut, end === to ? commandFlags.final : 0),
          ...this.#lunWords(undefined),
          initiatorTag: tag,
          targetTag,
          expCmdSn: this.#expStatSn,
          word36: dataSn,
          word40: offset,
        },
        out.subarray(offset, end),
      );
      offset = end;
    }
  }

  #lunWords(lun: number | undefined): { lunHigh: number } {
    return { lunHigh: ((lun ?? this.lun) << 16) >>> 0 };
  }

  #takeTag(): number {
    const tag = this.#nextTag;
    this.#nextTag = tag === NO_TAG - 1 ? 1 : tag + 1;
    return tag;
  }

  #takeCmdSn(): number {
    const cmdSn = this.#cmdSn;
    this.#cmdSn = (cmdSn + 1) >>> 0;
    return cmdSn;
  }

  // Requests besides SCSI commands.

  /** Text negotiation; the answer over all its PDUs. */
  async text(text: string): Promise<string> {
    const first = firstWord(opcodes.textRequest | 0x40, commandFlags.final);
    let answer = await this.#request({ first, targetTag: NO_TAG }, Buffer.from(text));
    let all = answer.data.toString("latin1");
    while ((answer.flags & commandFlags.final) === 0) {
      answer = await this.#request({ first, targetTag: answer.targetTag }, Buffer.alloc(0));
      all += answer.data.toString("latin1");
    }
    return all;
  }

  /** NOP-Out; the echo. */
  async ping(data: Buffer = Buffer.alloc(0)): Promise<Buffer> {
    const first = firstWord(opcodes.nopOut | 0x40, commandFlags.final);
    return (await this.#request({ first, targetTag: NO_TAG }, data)).data;
  }

  /** Task management; the response's code. */
  async manage(taskFunction: number, referencedTag = NO_TAG, refCmdSn = 0): Promise<number> {
    const first = firstWord(opcodes.taskManagementRequest | 0x40, 0x80 | taskFunction);
    const words = { ...this.#lunWords(undefined), targetTag: referencedTag, maxCmdSn: refCmdSn };
    return (await this.#request({ first, ...words }, Buffer.alloc(0))).response;
  }

  async logout(): Promise<void> {
    const first = firstWord(opcodes.logoutRequest | 0x40, commandFlags.final);
    await this.#request({ first }, Buffer.alloc(0));
    this.client.close();
    await this.client.closed;
  }

  /** Breaks the connection off. */
  async close(): Promise<void> {
    this.client.close();
    await this.client.closed;
  }

  #request(words: Parameters<WireClient["send"]>[0], data: Buffer): Promise<ReceivedPdu> {
    return new Promise((resolve, reject) => {
      const initiatorTag = this.#takeTag();
      this.#requests.set(initiatorTag, (pdu) => {
        if (pdu) resolve(pdu);
        else reject(new ConnectionLost("the connection was closed"));
      });
      const serials = { statSn: this.#cmdSn, expCmdSn: this.#expStatSn };
      this.client.send({ ...words, initiatorTag, ...serials }, data);
    });
  }

  // Receiving.

  #take(pdu: ReceivedPdu): void {
    if (serialBefore(this.#maxCmdSn, pdu.maxCmdSn)) this.#maxCmdSn = pdu.maxCmdSn;
    switch (pdu.opcode) {
      case opcodes.dataIn:
        this.#dataIn(pdu);
        break;
      case opcodes.scsiResponse:
        this.#expStatSn = pdu.statSn + 1;
        this.#finish(pdu);
        break;
      case opcodes.readyToTransfer: {
        const out = this.#pending.get(pdu.initiatorTag)?.command.dataOut;
        const end = pdu.word40 + pdu.word44;
        if (out) this.#sendData(pdu.initiatorTag, pdu.targetTag, out, pdu.word40, end);
        break;
      }
      case opcodes.nopIn:
        if (pdu.initiatorTag === NO_TAG) this.#answerPing(pdu);
        else this.#answered(pdu);
        break;
      case opcodes.asyncMessage:
        this.asyncEvents.push(pdu.word36 >>> 24);
        break;
      case opcodes.reject:
        this.#lose(new ConnectionLost(`the target rejected a PDU, reason ${pdu.response}`));
        break;
      default:
        this.#answered(pdu);
    }
    while (this.#queue.length > 0 && this.#windowOpen()) this.#queue.shift()?.();
  }

  #answerPing(pdu: ReceivedPdu): void {
    this.pingsAnswered++;
    this.client.send({
      first: firstWord(opcodes.nopOut | 0x40, commandFlags.final),
      lunHigh: pdu.lunHigh,
      lunLow: pdu.lunLow,
      initiatorTag: NO_TAG,
      targetTag: pdu.targetTag,
      statSn: this.#cmdSn,
      expCmdSn: this.#expStatSn,
    });
  }

  #answered(pdu: ReceivedPdu): void {
    this.#expStatSn = pdu.statSn + 1;
    this.#requests.get(pdu.initiatorTag)?.(pdu);
    this.#requests.delete(pdu.initiatorTag);
  }

  #dataIn(pdu: ReceivedPdu): void {
    const pending = this.#pending.get(pdu.initiatorTag);
    if (!pending) return;
    if (pdu.word40 !== pending.received) {
      this.#lose(new ConnectionLost("the target sent data out of order"));
      return;
    }
    pdu.data.copy(pending.data, pdu.word40);
    pending.received += pdu.data.length;
    if ((pdu.flags & responseFlags.status) === 0) return;
    this.#expStatSn = pdu.statSn + 1;
    this.#finish(pdu);
  }

  #finish(pdu: ReceivedPdu): void {
    const pending = this.#pending.get(pdu.initiatorTag);
    if (!pending) return;
    this.#pending.delete(pdu.initiatorTag);
    if (pdu.status !== 0) {
      const hasSense = pdu.data.length >= 16;
      const key = hasSense ? (pdu.data[4] as number) & 0x0f : 0;
      pending.reject(new ScsiError(pdu.status, key, hasSense ? pdu.data.readUInt16BE(14) : 0));
      return;
    }
    const overflow = (pdu.flags & responseFlags.overflow) !== 0;
    const underflow = (pdu.flags & responseFlags.underflow) !== 0;
    const residual = overflow ? pdu.word44 : underflow ? -pdu.word44 : 0;
    pending.resolve({ data: pending.data.subarray(0, pending.received), residual });
  }

  /** Nothing more will be answered. */
  #lose(error: ConnectionLost): void {
    this.client.close();
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    for (const request of this.#requests.values()) request(null);
    this.#requests.clear();
    for (const start of this.#queue.splice(0)) start();
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
}

function transferCdb(opcode: number, offset: number, length: number, flags: number): Buffer {
  const cdb = Buffer.alloc(16);
  cdb[0] = opcode;
  cdb[1] = flags;
  cdb.writeBigUInt64BE(BigInt(offset / BLOCK_BYTES), 2);
  cdb.writeUInt32BE(length / BLOCK_BYTES, 10);
  return cdb;
}
