/**
 * What the receiver thread leaves in shared memory for the sender thread's next message: the echo, the challenge, the
 * answers. It outlives the receiver, so a receiver started anew (H5) goes on where the last one ended.
 */
import { MAX_ANSWERS } from "../heartbeat/index.ts";
import type { SharedRecord } from "./shared-record.ts";

export interface HeartbeatNotes {
  /** The boot of the peer that is believed; null when none is. Its last message follows. */
  bootId: bigint | null;
  counter: number;
  sentAtUs: number;
  /** On our own clock. */
  receivedAtMs: number;
  challenge: bigint | null;
  answers: readonly bigint[];
  /** The peer's T2; 0 while unknown. */
  peerIntervalMs: number;
  lossIn: number | null;
}

export const NO_NOTES: HeartbeatNotes = {
  bootId: null,
  counter: 0,
  sentAtUs: 0,
  receivedAtMs: 0,
  challenge: null,
  answers: [],
  peerIntervalMs: 0,
  lossIn: null,
};

const FIXED_WORDS = 7;

export function writeNotes(record: SharedRecord, notes: HeartbeatNotes): void {
  const words = [
    signed(notes.bootId ?? 0n),
    BigInt(notes.counter),
    BigInt(notes.sentAtUs),
    BigInt(Math.round(notes.receivedAtMs * 1000)),
    signed(notes.challenge ?? 0n),
    BigInt(notes.peerIntervalMs),
    notes.lossIn === null ? 0n : BigInt(Math.round(notes.lossIn * 1e6)) + 1n,
  ];
  for (let i = 0; i < MAX_ANSWERS; i++) words.push(signed(notes.answers[i] ?? 0n));
  record.write(words);
}

export function readNotes(record: SharedRecord): HeartbeatNotes {
  const words = record.read();
  const word = (index: number) => words[index] ?? 0n;
  const loss = word(6);
  const answers: bigint[] = [];
  for (let i = 0; i < MAX_ANSWERS; i++) {
    const answer = unsigned(word(FIXED_WORDS + i));
    if (answer !== 0n) answers.push(answer);
  }
  return {
    bootId: word(0) === 0n ? null : unsigned(word(0)),
    counter: Number(word(1)),
    sentAtUs: Number(word(2)),
    receivedAtMs: Number(word(3)) / 1000,
    challenge: word(4) === 0n ? null : unsigned(word(4)),
    answers,
    peerIntervalMs: Number(word(5)),
    lossIn: loss === 0n ? null : Number(loss - 1n) / 1e6,
  };
}

function signed(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

function unsigned(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}
