/**
 * The names and places of an iSCSI PDU's header (RFC 7143 section 11): opcodes, flags, the fields that all PDUs share,
 * and one function that writes a target's header as the twelve 32-bit words it consists of.
 */

export const HEADER_BYTES = 48;
/** TotalAHSLength counts words in one byte. */
export const MAX_AHS_BYTES = 255 * 4;
/** "No task", "no transfer": the reserved value of Initiator and Target Transfer Tags. */
export const NO_TAG = 0xffff_ffff;

export const opcodes = {
  nopOut: 0x00,
  scsiCommand: 0x01,
  taskManagementRequest: 0x02,
  loginRequest: 0x03,
  textRequest: 0x04,
  dataOut: 0x05,
  logoutRequest: 0x06,
  snackRequest: 0x10,
  nopIn: 0x20,
  scsiResponse: 0x21,
  taskManagementResponse: 0x22,
  loginResponse: 0x23,
  textResponse: 0x24,
  dataIn: 0x25,
  logoutResponse: 0x26,
  readyToTransfer: 0x31,
  asyncMessage: 0x32,
  reject: 0x3f,
} as const;

const OPCODE_MASK = 0x3f;
export const IMMEDIATE = 0x40;

/** Byte 1 of a SCSI Command. */
export const commandFlags = { final: 0x80, read: 0x40, write: 0x20, attributes: 0x07 } as const;
/** Byte 1 of a Data-In: final, status, and the residual's sign, which a SCSI Response has too. */
export const responseFlags = {
  final: 0x80,
  status: 0x01,
  overflow: 0x04,
  underflow: 0x02,
} as const;
/** Byte 1 of Text and Login PDUs. */
export const textFlags = { final: 0x80, transit: 0x80, continued: 0x40 } as const;

/** Reasons of a Reject PDU (section 11.17.1). */
export const rejectReasons = {
  dataDigest: 0x02,
  snack: 0x03,
  protocolError: 0x04,
  notSupported: 0x05,
  tooManyImmediate: 0x06,
  taskInProgress: 0x07,
  invalidField: 0x09,
} as const;

/** Task attributes in a SCSI Command's flags (section 11.3.1). */
export const ORDERED_ATTRIBUTE = 2;

export function opcodeOf(header: Buffer, at: number): number {
  return (header[at] as number) & OPCODE_MASK;
}

export function isImmediate(header: Buffer, at: number): boolean {
  return ((header[at] as number) & IMMEDIATE) !== 0;
}

export function ahsBytesOf(header: Buffer, at: number): number {
  return (header[at + 4] as number) * 4;
}

export function dataLengthOf(header: Buffer, at: number): number {
  return header.readUInt32BE(at + 4) & 0xff_ffff;
}

/** Bytes of padding after a data segment: it ends on a word. */
export function paddingOf(length: number): number {
  return -length & 3;
}

/** The words of a header that differ between PDUs; the rest is zero. */
export interface HeaderWords {
  /** Opcode, flags and the two bytes that each PDU uses its own way. */
  first: number;
  dataLength: number;
  lunHigh: number;
  lunLow: number;
  initiatorTag: number;
  targetTag: number;
  statSn: number;
  expCmdSn: number;
  maxCmdSn: number;
  word36: number;
  word40: number;
  word44: number;
}

/** Opcode, flags and bytes 2 and 3 as one word. */
export function firstWord(opcode: number, flags: number, byte2 = 0, byte3 = 0): number {
  return ((opcode << 24) | (flags << 16) | (byte2 << 8) | byte3) >>> 0;
}

export function writeHeader(view: DataView, at: number, words: HeaderWords): void {
  view.setUint32(at, words.first);
  view.setUint32(at + 4, words.dataLength);
  view.setUint32(at + 8, words.lunHigh);
  view.setUint32(at + 12, words.lunLow);
  view.setUint32(at + 16, words.initiatorTag);
  view.setUint32(at + 20, words.targetTag);
  view.setUint32(at + 24, words.statSn);
  view.setUint32(at + 28, words.expCmdSn);
  view.setUint32(at + 32, words.maxCmdSn);
  view.setUint32(at + 36, words.word36);
  view.setUint32(at + 40, words.word40);
  view.setUint32(at + 44, words.word44);
}

export function emptyHeader(): HeaderWords {
  return {
    first: 0,
    dataLength: 0,
    lunHigh: 0,
    lunLow: 0,
    initiatorTag: 0,
    targetTag: 0,
    statSn: 0,
    expCmdSn: 0,
    maxCmdSn: 0,
    word36: 0,
    word40: 0,
    word44: 0,
  };
}
