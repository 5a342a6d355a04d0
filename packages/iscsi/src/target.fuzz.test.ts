/**
 * Nonsense on the wire, from a seed: PDUs that are almost right, with fields, lengths and order changed at random. The
 * target may answer or close, but goes on serving others, loses no task, and leaves other sessions' data alone.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { firstWord, type HeaderWords, NO_TAG, opcodes } from "./pdu/pdu.ts";
import { Initiator, ScsiError } from "./testing/initiator.ts";
import { login } from "./testing/initiator-login.ts";
import { IQN, type LocalTarget, startLocalTarget } from "./testing/local-target.ts";
import { buildPdu, WireClient } from "./testing/wire-client.ts";

const PORT = 23_030;
const SEED = Number(process.env.FUZZ_SEED ?? 20_261_123);
const ROUNDS = Number(process.env.FUZZ_ROUNDS ?? 400);
/** Fuzzed writes stay below this offset: what lies above belongs to the witness. */
const WITNESS_OFFSET = 8 * 1024 * 1024;

const UNIT_ATTENTION = 6;

let target: LocalTarget;

const turn = () => new Promise(setImmediate);

beforeAll(async () => {
  target = await startLocalTarget(PORT);
});

afterAll(() => {
  target.close();
});

/** Mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

type Random = (below: number) => number;

const OPCODES = [0x28, 0x2a, 0x88, 0x8a, 0x35, 0x12, 0x1a, 0x5a, 0x9e, 0xa0, 0xa3, 0x42, 0x41];
const MORE_OPCODES = [0x93, 0x2f, 0x8f, 0x03, 0x00, 0x25, 0x08, 0x0a, 0x1b, 0x7f, 0xff, 0xa8, 0xaa];

function randomCdb(random: Random): Buffer {
  const cdb = Buffer.alloc(16);
  const all = [...OPCODES, ...MORE_OPCODES];
  cdb[0] = all[random(all.length)] as number;
  const isLong = (cdb[0] & 0xe0) === 0x80;
  if (random(3) === 0) cdb[1] = random(256);
  if (cdb[0] === 0x9e) cdb[1] = 0x10 + random(4);
  if (cdb[0] === 0xa3) cdb[1] = 0x0c;
  // Below the witness, mostly; wild otherwise only for commands that change nothing.
  if (isLong) cdb.writeUInt32BE(random(WITNESS_OFFSET / 512 - 64), 6);
  else if (cdb[0] >= 0x20) cdb.writeUInt32BE(random(WITNESS_OFFSET / 512 - 64), 2);
  if (isLong) cdb[13] = random(33);
  else cdb[8] = random(33);
  const changesNothing = [0x28, 0x88, 0xa8, 0x2f, 0x8f, 0x12, 0x1a].includes(cdb[0]);
  if (changesNothing && random(4) === 0) cdb[2 + random(14)] = random(256);
  return cdb;
}

interface Script {
  cmdSn: number;
  /** Tags of R2Ts that came, by task. */
  readonly asked: { tag: number; targetTag: number; offset: number; length: number }[];
}

function randomPdu(random: Random, script: Script): { words: Partial<HeaderWords>; data: Buffer } {
  const tag = 1 + random(12);
  const data = Buffer.alloc([0, 0, 4, 512, 1024, 4096, random(9000)][random(7)] as number, 0x5a);
  const base = { initiatorTag: tag, statSn: script.cmdSn };
  switch (random(10)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const cdb = randomCdb(random);
      script.cmdSn++;
      const flags = [0x81, 0xa1, 0xc1, 0x21, 0xe1, 0xa2, 0xc2][random(7)] as number;
      const words = {
        first: firstWord(opcodes.scsiCommand, flags),
        targetTag: [0, 512, 1024, 4096, 36, 16_384, random(20_000)][random(7)] as number,
        maxCmdSn: cdb.readUInt32BE(0),
        word36: cdb.readUInt32BE(4),
        word40: cdb.readUInt32BE(8),
        word44: cdb.readUInt32BE(12),
      };
      return { words: { ...base, ...words }, data };
    }
    case 4:
    case 5: {
      const asked = script.asked.shift();
      if (asked) {
        const wrong = random(4) === 0 ? 512 : 0;
        const words = { first: firstWord(opcodes.dataOut, 0x80), word40: asked.offset + wrong };
        const out = Buffer.alloc(asked.length, 0x5a);
        return {
          words: { ...words, initiatorTag: asked.tag, targetTag: asked.targetTag },
          data: out,
        };
      }
      const first = firstWord(opcodes.dataOut, random(2) * 0x80);
      const targetTag = random(2) === 0 ? NO_TAG : random(20);
      return {
        words: { ...base, first, targetTag, word36: random(3), word40: random(3) * 512 },
        data,
      };
    }
    case 6:
      return {
        words: { ...base, first: firstWord(opcodes.nopOut | 0x40, 0x80), targetTag: NO_TAG },
        data,
      };
    case 7: {
      const first = firstWord(opcodes.taskManagementRequest | 0x40, 0x80 | random(10));
      return {
        words: { ...base, first, targetTag: 1 + random(12), maxCmdSn: script.cmdSn + random(3) },
        data: Buffer.alloc(0),
      };
    }
    case 8: {
      const first = firstWord(
        opcodes.textRequest | 0x40,
        [0x80, 0x40, 0, 0xc0][random(4)] as number,
      );
      const text = [
        "SendTargets=All\0",
        "SendTargets=\0",
        "X=1",
        "=\0",
        "MaxRecvDataSegmentLength=512\0",
      ];
      return {
        words: { ...base, first, targetTag: random(2) === 0 ? NO_TAG : 1 },
        data: Buffer.from(text[random(5)] as string),
      };
    }
    default:
      return { words: { ...base, first: random(2 ** 32), word36: random(2 ** 32) }, data };
  }
}

/** One connection: a login, good or almost good, then a stream of PDUs, sometimes damaged, cut anywhere. */
async function attack(random: Random): Promise<void> {
  if (random(8) === 0) {
    const client = await WireClient.connect(PORT);
    const noise = buildPdu(
      { first: firstWord(0x43, random(256)), statSn: random(2 ** 32) },
      Buffer.from(`InitiatorName=iqn.x\0TargetName=${IQN}\0${"A=B\0".repeat(random(2000))}`),
      { header: false, data: false },
    );
    noise[random(48)] = random(256);
    client.socket.end(noise.subarray(0, random(2) === 0 ? noise.length : random(noise.length)));
    await client.closed;
    return;
  }
  const yesNo = () => (random(2) === 0 ? "Yes" : "No");
  const digest = () => (random(3) === 0 ? "CRC32C" : "None");
  const keys = {
    ...{
      InitialR2T: yesNo(),
      ImmediateData: yesNo(),
      HeaderDigest: digest(),
      DataDigest: digest(),
    },
    ...{ MaxBurstLength: String(512 + random(9000)), FirstBurstLength: String(512 + random(5000)) },
  };
  const { client } = await login({ port: PORT, targetName: IQN, keys, initiatorName: "iqn.fuzz" });
  const script: Script = { cmdSn: 1, asked: [] };
  client.onPdu = (pdu) => {
    if (pdu.opcode !== opcodes.readyToTransfer) return;
    const { initiatorTag, targetTag, word40, word44 } = pdu;
    script.asked.push({ tag: initiatorTag, targetTag, offset: word40, length: word44 });
  };
  const count = 1 + random(30);
  for (let i = 0; i < count && !client.isClosed; i++) {
    const { words, data } = randomPdu(random, script);
    const pdu = buildPdu(words, data, client.digests);
    if (random(12) === 0) pdu[random(8)] = random(256);
    const cut = random(pdu.length + 1);
    client.socket.write(pdu.subarray(0, cut));
    if (random(3) === 0) await turn();
    client.socket.write(pdu.subarray(cut));
    if (random(40) === 0) target.device.holding = !target.device.holding;
  }
  client.socket.end();
  if (random(3) === 0) client.close();
  target.device.release();
  const limit = setTimeout(() => client.close(), 50);
  await client.closed;
  clearTimeout(limit);
}

/** An attacker's reset of the unit is told to all: so often as there were kinds of it, the command is tried again. */
async function readThroughAttentions(witness: Initiator, length: number): Promise<Buffer> {
  for (;;) {
    try {
      return await witness.read(WITNESS_OFFSET, length);
    } catch (error) {
      if (!(error instanceof ScsiError) || error.key !== UNIT_ATTENTION) throw error;
    }
  }
}

describe(`a fuzzed target, seed ${SEED}`, () => {
  it("goes on, and keeps what others wrote", { timeout: 60_000 }, async () => {
    const witness = await Initiator.connect({ port: PORT, targetName: IQN });
    const data = Buffer.alloc(64 * 1024, "witness");
    await witness.write(WITNESS_OFFSET, data);
    for (let round = 0; round < ROUNDS; round++) {
      await attack(randomFrom(SEED + round));
      while (target.server.sessions(IQN).length > 1) await turn();
      const read = await readThroughAttentions(witness, data.length);
      expect(read.equals(data), `round ${round}`).toBe(true);
    }
    await witness.logout();
    while (target.server.sessions(IQN).length > 0) await turn();
    expect(target.server.sessions(IQN)).toEqual([]);
  });
});
