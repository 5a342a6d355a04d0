/**
 * A client of the NBD protocol, just enough to write, read and flush through `qemu-nbd`, whose
 * other end is a real iSCSI initiator (libiscsi). Requests complete by callback with the server's
 * error number, 0 for success.
 */
import { connect, type Socket } from "node:net";

// Numbers of https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
const OPTION_MAGIC = 0x49_48_41_56_45_4f_50_54n;
const EXPORT_NAME = 1;
const FIXED_NEWSTYLE_AND_NO_ZEROES = 3;
const GREETING_BYTES = 18;
const EXPORT_BYTES = 10;
const REQUEST_MAGIC = 0x25_60_95_13;
const REPLY_MAGIC = 0x67_44_66_98;
const REQUEST_BYTES = 28;
const REPLY_BYTES = 16;
const COMMANDS = { read: 0, write: 1, disconnect: 2, flush: 3 } as const;

type Answer = (errno: number, data: Buffer | null) => void;

interface Waiting {
  length: number;
  answer: Answer;
}

export class NbdClient {
  readonly sizeBytes: number;
  readonly #socket: Socket;
  readonly #waiting = new Map<bigint, Waiting>();
  #pending: Buffer;
  #next = 1n;
  #closed: Error | null = null;

  private constructor(socket: Socket, sizeBytes: number, rest: Buffer) {
    this.#socket = socket;
    this.sizeBytes = sizeBytes;
    this.#pending = rest;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("qemu-nbd closed the connection")));
  }

  static open(path: string): Promise<NbdClient> {
    return new Promise((done, fail) => {
      const socket = connect(path);
      let pending: Buffer = Buffer.alloc(0);
      let greeted = false;
      const receive = (chunk: Buffer) => {
        pending = Buffer.concat([pending, chunk]);
        if (!greeted && pending.length >= GREETING_BYTES) {
          greeted = true;
          pending = pending.subarray(GREETING_BYTES);
          const answer = Buffer.alloc(20);
          answer.writeUInt32BE(FIXED_NEWSTYLE_AND_NO_ZEROES, 0);
          answer.writeBigUInt64BE(OPTION_MAGIC, 4);
          answer.writeUInt32BE(EXPORT_NAME, 12);
          socket.write(answer);
        }
        if (greeted && pending.length >= EXPORT_BYTES) {
          socket.removeAllListeners();
          const size = Number(pending.readBigUInt64BE(0));
          done(new NbdClient(socket, size, pending.subarray(EXPORT_BYTES)));
        }
      };
      socket.on("error", fail);
      socket.on("close", () => fail(new Error("qemu-nbd refused the connection")));
      socket.on("data", receive);
    });
  }

  /** Whether requests are no longer possible. */
  get closed(): boolean {
    return this.#closed !== null;
  }

  write(offset: number, data: Buffer, answer: Answer): void {
    this.#send("write", offset, data.length, 0, answer, data);
  }

  read(offset: number, length: number, answer: Answer): void {
    this.#send("read", offset, length, length, answer, null);
  }

  flush(answer: Answer): void {
    this.#send("flush", 0, 0, 0, answer, null);
  }

  close(): void {
    if (this.#closed !== null) return;
    this.#closed = new Error("closed");
    this.#socket.end(request(COMMANDS.disconnect, 0n, 0, 0));
  }

  #send(
    command: keyof typeof COMMANDS,
    offset: number,
    length: number,
    replyBytes: number,
    answer: Answer,
    data: Buffer | null,
  ): void {
    if (this.#closed !== null) throw this.#closed;
    const handle = this.#next++;
    this.#waiting.set(handle, { length: replyBytes, answer });
    this.#socket.write(request(COMMANDS[command], handle, offset, length));
    if (data !== null) this.#socket.write(data);
  }

  #receive(chunk: Buffer): void {
    let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (rest.length >= REPLY_BYTES) {
      if (rest.readUInt32BE(0) !== REPLY_MAGIC)
        throw new Error("qemu-nbd sent a reply without its magic");
      const errno = rest.readUInt32BE(4);
      const handle = rest.readBigUInt64BE(8);
      const waiting = this.#waiting.get(handle);
      if (waiting === undefined)
        throw new Error(`qemu-nbd answered request ${handle}, which nobody made`);
      const length = errno === 0 ? waiting.length : 0;
      if (rest.length < REPLY_BYTES + length) break;
      this.#waiting.delete(handle);
      waiting.answer(errno, length > 0 ? rest.subarray(REPLY_BYTES, REPLY_BYTES + length) : null);
      rest = rest.subarray(REPLY_BYTES + length);
    }
    this.#pending = rest;
  }

  /** Whoever still waits gets EIO: the initiator is gone. */
  #end(reason: Error): void {
    this.#closed ??= reason;
    const EIO = 5;
    for (const { answer } of this.#waiting.values()) answer(EIO, null);
    this.#waiting.clear();
  }
}

function request(command: number, handle: bigint, offset: number, length: number): Buffer {
  const header = Buffer.alloc(REQUEST_BYTES);
  header.writeUInt32BE(REQUEST_MAGIC, 0);
  header.writeUInt16BE(command, 6);
  header.writeBigUInt64BE(handle, 8);
  header.writeBigUInt64BE(BigInt(offset), 16);
  header.writeUInt32BE(length, 24);
  return header;
}
