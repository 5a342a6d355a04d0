/**
 * The bytes of a heartbeat: big endian, a fixed part of FIXED_BYTES, the answers, the LUN ages, the MAC over all before
 * it. What a stranger sends is told by the cheapest test first (length, magic, sender) and the MAC is checked before any
 * other field is believed. Lists are bounded by constants and by the datagram's own length before they are read.
 */
import type { Direction, Echo, Heartbeat, LunAge, Mac } from "./message.ts";
import {
  LINK_STATES,
  MAC_BYTES,
  MAX_ANSWERS,
  MAX_DATAGRAM_BYTES,
  MAX_INTERVAL_MS,
  MAX_LUN_AGES,
} from "./message.ts";
import { UUID_BYTES, uuidBytes, uuidText } from "./uuid.ts";

const MAGIC = 0x4c4b4842; // "LKHB"
/** Layout of the fixed part. A later protocol version may append fields between the lists and the MAC. */
const FORMAT = 1;
const FIXED_BYTES = 128;
const ANSWER_BYTES = 8;
const LUN_AGE_BYTES = UUID_BYTES + 4;
const UNKNOWN_U32 = 0xffff_ffff;
const UNKNOWN_U16 = 0xffff;
const FLAG_HEARS = 1;

const at = {
  magic: 0,
  format: 4,
  versionMin: 5,
  versionMax: 6,
  direction: 7,
  sender: 8,
  bootId: 24,
  counter: 32,
  sentAtUs: 40,
  echoBootId: 48,
  echoCounter: 56,
  echoSentAtUs: 64,
  echoHeldUs: 72,
  intervalMs: 76,
  challenge: 80,
  outageNumber: 88,
  settingsVersion: 96,
  epoch: 104,
  closedOut: 112,
  closedIn: 114,
  probationMs: 116,
  lossIn: 120,
  state: 122,
  flags: 123,
  answers: 124,
  lunAges: 125,
  reserved: 126,
} as const;

/** Why a datagram was dropped. The first three come from strangers and noise, the others hold a valid sender. */
export type DecodeFault =
  | "not-a-heartbeat"
  | "stranger"
  | "wrong-direction"
  | "wrong-mac"
  | "malformed";

/** Who may have sent it, and up to which protocol version every byte is known here. */
export interface Expected {
  sender: Uint8Array;
  direction: Direction;
  versionMax: number;
}

/** Writes `message` into `into` (MAX_DATAGRAM_BYTES long) and returns its length in bytes. */
export function encodeHeartbeat(
  into: Uint8Array,
  message: Heartbeat,
  sender: Uint8Array,
  direction: Direction,
  mac: Mac,
): number {
  const view = new DataView(into.buffer, into.byteOffset, MAX_DATAGRAM_BYTES);
  into.set(sender, at.sender);
  view.setUint32(at.magic, MAGIC);
  view.setUint8(at.format, FORMAT);
  view.setUint8(at.direction, direction);
  encodeFixed(view, message);
  let offset = FIXED_BYTES;
  for (const answer of message.answers.slice(0, MAX_ANSWERS)) {
    view.setBigUint64(offset, answer);
    offset += ANSWER_BYTES;
  }
  for (const { lun, ageMs } of oldestOf(message.lunAges)) {
    into.set(uuidBytes(lun), offset);
    view.setUint32(offset + UUID_BYTES, clampU32(ageMs));
    offset += LUN_AGE_BYTES;
  }
  mac(into.subarray(0, offset), into.subarray(offset, offset + MAC_BYTES));
  return offset + MAC_BYTES;
}

function encodeFixed(view: DataView, message: Heartbeat): void {
  view.setUint8(at.versionMin, message.versionMin);
  view.setUint8(at.versionMax, message.versionMax);
  view.setBigUint64(at.bootId, message.bootId);
  setU53(view, at.counter, message.counter);
  setU53(view, at.sentAtUs, message.sentAtUs);
  view.setBigUint64(at.echoBootId, message.echo?.bootId ?? 0n);
  setU53(view, at.echoCounter, message.echo?.counter ?? 0);
  setU53(view, at.echoSentAtUs, message.echo?.sentAtUs ?? 0);
  view.setUint32(at.echoHeldUs, orUnknown(message.echo?.heldUs ?? null));
  view.setUint32(at.intervalMs, message.intervalMs);
  view.setBigUint64(at.challenge, message.challenge ?? 0n);
  setU53(view, at.outageNumber, message.outageNumber);
  setU53(view, at.settingsVersion, message.settingsVersion);
  setU53(view, at.epoch, message.epoch);
  view.setUint16(at.closedOut, message.closedOut);
  view.setUint16(at.closedIn, message.closedIn);
  view.setUint32(at.probationMs, orUnknown(message.probationMs));
  view.setUint16(
    at.lossIn,
    message.lossIn === null ? UNKNOWN_U16 : Math.round(message.lossIn * (UNKNOWN_U16 - 1)),
  );
  view.setUint8(at.state, LINK_STATES.indexOf(message.state));
  view.setUint8(at.flags, message.hears ? FLAG_HEARS : 0);
  view.setUint8(at.answers, Math.min(message.answers.length, MAX_ANSWERS));
  view.setUint8(at.lunAges, Math.min(message.lunAges.length, MAX_LUN_AGES));
  view.setUint16(at.reserved, 0);
}

/** The message, or why it is dropped. `scratch` (MAC_BYTES) spares an allocation per datagram. */
export function decodeHeartbeat(
  bytes: Uint8Array,
  expected: Expected,
  mac: Mac,
  scratch: Uint8Array,
): Heartbeat | DecodeFault {
  if (bytes.length < FIXED_BYTES + MAC_BYTES || bytes.length > MAX_DATAGRAM_BYTES)
    return "not-a-heartbeat";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(at.magic) !== MAGIC || view.getUint8(at.format) !== FORMAT)
    return "not-a-heartbeat";
  for (let i = 0; i < UUID_BYTES; i++) {
    if (bytes[at.sender + i] !== expected.sender[i]) return "stranger";
  }
  if (view.getUint8(at.direction) !== expected.direction) return "wrong-direction";
  const end = bytes.length - MAC_BYTES;
  mac(bytes.subarray(0, end), scratch);
  let different = 0;
  for (let i = 0; i < MAC_BYTES; i++) different |= (bytes[end + i] ?? 0) ^ (scratch[i] ?? 0);
  if (different !== 0) return "wrong-mac";
  return decodeProven(bytes, view, end, expected.versionMax);
}

function decodeProven(
  bytes: Uint8Array,
  view: DataView,
  end: number,
  knownVersion: number,
): Heartbeat | "malformed" {
  const versionMin = view.getUint8(at.versionMin);
  const versionMax = view.getUint8(at.versionMax);
  const answerCount = view.getUint8(at.answers);
  const lunCount = view.getUint8(at.lunAges);
  const listsEnd = FIXED_BYTES + answerCount * ANSWER_BYTES + lunCount * LUN_AGE_BYTES;
  if (answerCount > MAX_ANSWERS || lunCount > MAX_LUN_AGES || listsEnd > end) return "malformed";
  if (listsEnd < end && versionMax <= knownVersion) return "malformed";
  const state = LINK_STATES[view.getUint8(at.state)];
  const bootId = view.getBigUint64(at.bootId);
  const intervalMs = view.getUint32(at.intervalMs);
  if (state === undefined || bootId === 0n || versionMin > versionMax) return "malformed";
  if (intervalMs < 1 || intervalMs > MAX_INTERVAL_MS) return "malformed";
  const counter = getU53(view, at.counter);
  const sentAtUs = getU53(view, at.sentAtUs);
  const outageNumber = getU53(view, at.outageNumber);
  const settingsVersion = getU53(view, at.settingsVersion);
  const epoch = getU53(view, at.epoch);
  const echo = decodeEcho(view);
  if (Math.min(counter, sentAtUs, outageNumber, settingsVersion, epoch) < 0) return "malformed";
  if (echo === "malformed") return "malformed";
  const challenge = view.getBigUint64(at.challenge);
  const lossIn = view.getUint16(at.lossIn);
  const answers: bigint[] = [];
  for (let i = 0; i < answerCount; i++)
    answers.push(view.getBigUint64(FIXED_BYTES + i * ANSWER_BYTES));
  return {
    versionMin,
    versionMax,
    bootId,
    counter,
    sentAtUs,
    echo,
    intervalMs,
    challenge: challenge === 0n ? null : challenge,
    answers,
    state,
    hears: (view.getUint8(at.flags) & FLAG_HEARS) !== 0,
    outageNumber,
    settingsVersion,
    epoch,
    closedOut: view.getUint16(at.closedOut),
    closedIn: view.getUint16(at.closedIn),
    probationMs: knownU32(view.getUint32(at.probationMs)),
    lossIn: lossIn === UNKNOWN_U16 ? null : lossIn / (UNKNOWN_U16 - 1),
    lunAges: decodeLunAges(bytes, view, FIXED_BYTES + answerCount * ANSWER_BYTES, lunCount),
  };
}

function decodeEcho(view: DataView): Echo | null | "malformed" {
  const bootId = view.getBigUint64(at.echoBootId);
  if (bootId === 0n) return null;
  const counter = getU53(view, at.echoCounter);
  const sentAtUs = getU53(view, at.echoSentAtUs);
  if (counter < 0 || sentAtUs < 0) return "malformed";
  return { bootId, counter, sentAtUs, heldUs: knownU32(view.getUint32(at.echoHeldUs)) };
}

function decodeLunAges(bytes: Uint8Array, view: DataView, start: number, count: number): LunAge[] {
  const ages: LunAge[] = [];
  for (let i = 0; i < count; i++) {
    const offset = start + i * LUN_AGE_BYTES;
    ages.push({ lun: uuidText(bytes, offset), ageMs: view.getUint32(offset + UUID_BYTES) });
  }
  return ages;
}

function oldestOf(ages: readonly LunAge[]): readonly LunAge[] {
  if (ages.length <= MAX_LUN_AGES) return ages;
  return ages.toSorted((a, b) => b.ageMs - a.ageMs).slice(0, MAX_LUN_AGES);
}

function clampU32(value: number): number {
  return Math.min(Math.max(0, Math.round(value)), UNKNOWN_U32 - 1);
}

/** A value too large for its field is as good as unknown. */
function orUnknown(value: number | null): number {
  return value === null || value >= UNKNOWN_U32 ? UNKNOWN_U32 : Math.max(0, Math.round(value));
}

function knownU32(value: number): number | null {
  return value === UNKNOWN_U32 ? null : value;
}

function setU53(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, Math.floor(value / 2 ** 32));
  view.setUint32(offset + 4, value % 2 ** 32);
}

/** A negative result: the field holds more than 53 bits. */
function getU53(view: DataView, offset: number): number {
  const high = view.getUint32(offset);
  return high >= 2 ** 21 ? -1 : high * 2 ** 32 + view.getUint32(offset + 4);
}
