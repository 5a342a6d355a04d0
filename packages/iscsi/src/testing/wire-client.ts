/**
 * One TCP connection that speaks PDUs: sends any header with any data, right or wrong, and gives what comes back as
 * plain objects. The test initiator is built on it, and tests of what a target does with nonsense.
 */
import net from "node:net";
import { PduDecoder } from "../pdu/decoder.ts";
import { digestOf } from "../pdu/digest.ts";
import {
  emptyHeader,
  HEADER_BYTES,
  type HeaderWords,
  opcodeOf,
  paddingOf,
  writeHeader,
} from "../pdu/pdu.ts";

/** A PDU as received: fields by their place in the header. */
export interface ReceivedPdu {
  readonly opcode: number;
  readonly flags: number;
  /** Bytes 2 and 3: response and status. */
  readonly response: number;
  readonly status: number;
  readonly lunHigh: number;
  readonly lunLow: number;
  readonly initiatorTag: number;
  readonly targetTag: number;
  readonly statSn: number;
  readonly expCmdSn: number;
  readonly maxCmdSn: number;
  readonly word36: number;
  readonly word40: number;
  readonly word44: number;
  readonly data: Buffer;
}

const MAX_DATA_BYTES = 2 ** 24 - 1;

export function buildPdu(
  words: Partial<HeaderWords>,
  data: Buffer,
  digests: { header: boolean; data: boolean },
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
  writeHeader(view, 0, { ...emptyHeader(), ...words, dataLength: words.dataLength ?? data.length });
  const parts: Buffer[] = [header];
  if (digests.header) parts.push(littleEndian(digestOf(header)));
  if (data.length === 0) return Buffer.concat(parts);
  const padded = Buffer.concat([data, Buffer.alloc(paddingOf(data.length))]);
  parts.push(padded);
  if (digests.data) parts.push(littleEndian(digestOf(padded)));
  return Buffer.concat(parts);
}

function littleEndian(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export class WireClient {
  readonly socket: net.Socket;
  /** Settled when the connection is closed, by whichever side. */
  readonly closed: Promise<void>;
  isClosed = false;
  readonly digests = { header: false, data: false };
  readonly #decoder: PduDecoder;
  /** Called for each PDU while set; without it PDUs wait for `next`. */
  onPdu: ((pdu: ReceivedPdu) => void) | null = null;
  readonly #queue: ReceivedPdu[] = [];
  readonly #waiting: ((pdu: ReceivedPdu | null) => void)[] = [];

  private constructor(socket: net.Socket) {
    this.socket = socket;
    this.#decoder = new PduDecoder(
      {
        onPdu: (header, at, data, dataAt, length) => {
          this.#take(readPdu(header, at, Buffer.from(data.subarray(dataAt, dataAt + length))));
        },
        gatherInto: (_header, _at, length) => Buffer.allocUnsafe(length),
        wantsWhileHolding: () => true,
        onDecodeFailure: (failure) => socket.destroy(new Error(`target sent ${failure}`)),
      },
      MAX_DATA_BYTES,
    );
    socket.on("data", (chunk: Buffer) => this.#decoder.push(chunk));
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.isClosed = true;
        for (const waiting of this.#waiting.splice(0)) waiting(null);
        resolve();
      });
    });
  }

  static connect(port: number, host = "127.0.0.1"): Promise<WireClient> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port, host, noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new WireClient(socket));
      });
    });
  }

  send(words: Partial<HeaderWords>, data: Buffer = Buffer.alloc(0)): void {
    this.socket.write(buildPdu(words, data, this.digests));
  }

  /** From now on both directions carry digests. */
  useDigests(header: boolean, data: boolean): void {
    this.digests.header = header;
    this.digests.data = data;
    this.#decoder.headerDigest = header;
    this.#decoder.dataDigest = data;
  }

  #take(pdu: ReceivedPdu): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(pdu);
    else if (this.onPdu) this.onPdu(pdu);
    else this.#queue.push(pdu);
  }

  /** The next PDU, or null once the connection is closed. */
  next(): Promise<ReceivedPdu | null> {
    const pdu = this.#queue.shift();
    if (pdu || this.isClosed) return Promise.resolve(pdu ?? null);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  close(): void {
    this.socket.destroy();
  }
}

function readPdu(header: Buffer, at: number, data: Buffer): ReceivedPdu {
  return {
    opcode: opcodeOf(header, at),
    flags: header[at + 1] as number,
    response: header[at + 2] as number,
    status: header[at + 3] as number,
    lunHigh: header.readUInt32BE(at + 8),
    lunLow: header.readUInt32BE(at + 12),
    initiatorTag: header.readUInt32BE(at + 16),
    targetTag: header.readUInt32BE(at + 20),
    statSn: header.readUInt32BE(at + 24),
    expCmdSn: header.readUInt32BE(at + 28),
    maxCmdSn: header.readUInt32BE(at + 32),
    word36: header.readUInt32BE(at + 36),
    word40: header.readUInt32BE(at + 40),
    word44: header.readUInt32BE(at + 44),
    data,
  };
}
