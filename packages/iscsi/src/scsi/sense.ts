/**
 * Sense data: why a command ended in CHECK CONDITION, as sense key and additional sense code (SPC-4 section 4.5), and
 * the one mapper from a block device's error to what a host is told.
 */
import type { BlockError, BlockErrorCode, BlockOperation } from "@lockstep/block";

export interface Sense {
  readonly key: number;
  /** Additional sense code and qualifier as one 16-bit number. */
  readonly code: number;
}

export const scsiStatus = {
  good: 0x00,
  checkCondition: 0x02,
  busy: 0x08,
  taskSetFull: 0x28,
} as const;

const NO_SENSE = 0x0;
const NOT_READY = 0x2;
const MEDIUM_ERROR = 0x3;
const ILLEGAL_REQUEST = 0x5;
const UNIT_ATTENTION = 0x6;
const DATA_PROTECT = 0x7;
const ABORTED_COMMAND = 0xb;
const MISCOMPARE = 0xe;

export const senses = {
  none: { key: NO_SENSE, code: 0x0000 },
  parameterListLength: { key: ILLEGAL_REQUEST, code: 0x1a00 },
  invalidOpcode: { key: ILLEGAL_REQUEST, code: 0x2000 },
  lbaOutOfRange: { key: ILLEGAL_REQUEST, code: 0x2100 },
  invalidFieldInCdb: { key: ILLEGAL_REQUEST, code: 0x2400 },
  unitNotSupported: { key: ILLEGAL_REQUEST, code: 0x2500 },
  invalidFieldInParameters: { key: ILLEGAL_REQUEST, code: 0x2600 },
  invalidFieldInInformationUnit: { key: ILLEGAL_REQUEST, code: 0x0e03 },
  savingNotSupported: { key: ILLEGAL_REQUEST, code: 0x3900 },
  miscompare: { key: MISCOMPARE, code: 0x1d00 },
  unexpectedUnsolicitedData: { key: ABORTED_COMMAND, code: 0x0c0c },
  incorrectAmountOfData: { key: ABORTED_COMMAND, code: 0x0c0d },
  /** DATA PHASE ERROR: a Data-Out out of its order. */
  dataPhaseError: { key: ABORTED_COMMAND, code: 0x4b00 },
  busReset: { key: UNIT_ATTENTION, code: 0x2903 },
  modeParametersChanged: { key: UNIT_ATTENTION, code: 0x2a01 },
  capacityChanged: { key: UNIT_ATTENTION, code: 0x2a09 },
  commandsCleared: { key: UNIT_ATTENTION, code: 0x2f00 },
  reportedLunsChanged: { key: UNIT_ATTENTION, code: 0x3f0e },
} as const satisfies Record<string, Sense>;

const READ_ERROR: Sense = { key: MEDIUM_ERROR, code: 0x1100 };
const WRITE_ERROR: Sense = { key: MEDIUM_ERROR, code: 0x0c00 };

const blockSenses = {
  /** SPACE ALLOCATION FAILED WRITE PROTECT. */
  "no-space": { key: DATA_PROTECT, code: 0x2707 },
  "out-of-range": senses.lbaOutOfRange,
  /** LOGICAL UNIT NOT READY, CAUSE NOT REPORTABLE: hosts try again. */
  "not-ready": { key: NOT_READY, code: 0x0400 },
  aborted: { key: ABORTED_COMMAND, code: 0x0000 },
} as const satisfies Record<Exclude<BlockErrorCode, "medium-error">, Sense>;

export function senseOfBlockError(error: BlockError, op: BlockOperation): Sense {
  if (error.code === "medium-error") return op === "read" ? READ_ERROR : WRITE_ERROR;
  return blockSenses[error.code];
}

export const SENSE_BYTES = 18;

/** Writes fixed format sense data, current error (SPC-4 section 4.5.3). */
export function writeSense(bytes: Buffer, at: number, sense: Sense): void {
  bytes.fill(0, at, at + SENSE_BYTES);
  bytes[at] = 0x70;
  bytes[at + 2] = sense.key;
  bytes[at + 7] = SENSE_BYTES - 8;
  bytes.writeUInt16BE(sense.code, at + 12);
}
