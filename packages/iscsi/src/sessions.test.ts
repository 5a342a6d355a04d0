/** Sessions from their login to their end, and what happens to those that break the protocol. */
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commandFlags, firstWord, NO_TAG, opcodes } from "./pdu/pdu.ts";
import { COMMAND_WINDOW } from "./session/limits.ts";
import { Initiator, LoginRefused } from "./testing/initiator.ts";
import { login } from "./testing/initiator-login.ts";
import { IQN, type LocalTarget, startLocalTarget } from "./testing/local-target.ts";
import { WireClient } from "./testing/wire-client.ts";

const PORT = 23_040;
let target: LocalTarget;

beforeEach(async () => {
  target = await startLocalTarget(PORT);
});

afterEach(() => {
  target.close();
});

const connect = (keys: Record<string, string> = {}, isid?: number) =>
  Initiator.connect({ port: PORT, targetName: IQN, keys, ...(isid === undefined ? {} : { isid }) });

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(1);
}

describe("sessions", () => {
  it("discovery names the targets", async () => {
    const portals = [`127.0.0.1:${PORT},1`];
    expect(await Initiator.discover({ port: PORT })).toEqual([{ iqn: IQN, portals }]);
    expect(target.portal.counters.discoveries).toBe(1);
  });

  it("an unknown target is not found, a closing one is removed", async () => {
    const other = Initiator.connect({ port: PORT, targetName: `${IQN}x` });
    await expect(other).rejects.toEqual(new LoginRefused(0x0203));
    target.server.closeTarget(IQN, () => {});
    await expect(connect()).rejects.toEqual(new LoginRefused(0x0204));
  });

  it("a new one with the same name and ISID takes the old one's place, after its tasks", async () => {
    const old = await connect({}, 7);
    target.device.holding = true;
    const lost = old.write(0, Buffer.alloc(512, 1));
    lost.catch(() => {});
    await until(() => target.device.held.length === 1);
    let isIn = false;
    const next = connect({}, 7).then((initiator) => {
      isIn = true;
      return initiator;
    });
    await old.client.closed;
    await delay(5);
    expect(isIn).toBe(false);
    target.device.release();
    const initiator = await next;
    expect(target.ends).toEqual(["reinstated"]);
    expect(target.server.sessions(IQN).length).toBe(1);
    await initiator.logout();
  });

  it("closing a target asks for logouts and waits for what is under way", async () => {
    const initiator = await connect();
    target.device.holding = true;
    initiator.write(0, Buffer.alloc(512)).catch(() => {});
    await until(() => target.device.held.length === 1);
    let isClosed = false;
    target.server.closeTarget(IQN, () => {
      isClosed = true;
    });
    await until(() => initiator.asyncEvents.length === 1);
    expect(initiator.asyncEvents).toEqual([1]);
    await initiator.close();
    await until(() => target.ends.length > 0 || target.server.sessions(IQN).length === 0);
    expect(isClosed).toBe(false);
    target.device.release();
    expect(isClosed).toBe(true);
    target.server.removeTarget(IQN);
  });

  it("a login over several requests (C bit) reaches its target", async () => {
    const client = await WireClient.connect(PORT);
    const text = `InitiatorName=iqn.2026-11.test:long\0SessionType=Normal\0TargetName=${IQN}\0`;
    const parts = [text.slice(0, 30), text.slice(30, 62), text.slice(62)];
    const statSns: number[] = [];
    for (const [i, part] of parts.entries()) {
      const flags = i < 2 ? 0x44 : 0x87;
      client.send({ first: firstWord(0x43, flags), expCmdSn: 5 }, Buffer.from(part));
      const answer = await client.next();
      expect(answer?.opcode).toBe(opcodes.loginResponse);
      expect((answer?.word36 ?? 1) >>> 16).toBe(0);
      statSns.push(answer?.statSn ?? -1);
      expect(answer?.flags).toBe(i < 2 ? 0x04 : 0x87);
    }
    expect(statSns).toEqual([0, 1, 2].map((n) => n + (statSns[0] as number)));
    expect(target.server.sessions(IQN).length).toBe(1);
    client.close();
  });

  it("pings a silent initiator, keeps one that answers, and closes one that doesn't", async () => {
    target.close();
    target = await startLocalTarget(PORT, { keepalive: { pingAfterMs: 50, closeAfterMs: 150 } });
    const alive = await connect();
    const { client } = await login({ port: PORT, targetName: IQN });
    client.onPdu = () => {};
    await client.closed;
    expect(target.ends).toEqual(["silent-initiator"]);
    expect(alive.pingsAnswered).toBeGreaterThan(0);
    await alive.logout();
  });
});

describe("[S2] the portal", () => {
  it("closes what doesn't log in, says too much, or takes too long", async () => {
    target.close();
    target = await startLocalTarget(PORT, { portal: { loginLimitMs: 60 } });
    const http = await WireClient.connect(PORT);
    http.socket.write("GET / HTTP/1.1\r\n\r\n");
    await http.closed;
    const long = await WireClient.connect(PORT);
    long.send({ first: firstWord(0x43, 0x87), dataLength: 100_000 });
    await long.closed;
    const silent = await WireClient.connect(PORT);
    await silent.closed;
    expect(target.ends).toEqual(["no-login", "login-too-long", "login-timeout"]);
    expect(target.portal.counters.rejected).toBe(3);
  });
});

describe("violations", () => {
  /** A write of 1 KiB whose data is to be asked for; the R2T's tag. */
  async function beginWrite(client: WireClient): Promise<number> {
    client.send({
      first: firstWord(opcodes.scsiCommand, 0x80 | commandFlags.write | 1),
      initiatorTag: 50,
      targetTag: 1024,
      statSn: 1,
      maxCmdSn: 0x2a00_0000,
      word40: 0x0200_0000,
    });
    const r2t = await client.next();
    expect(r2t?.opcode).toBe(opcodes.readyToTransfer);
    return r2t?.targetTag ?? 0;
  }

  const cases: [string, { word36?: number; word40?: number; flags?: number; length?: number }][] = [
    ["a wrong DataSN", { word36: 1 }],
    ["a wrong offset", { word40: 512 }],
    ["too much data", { length: 1536 }],
    ["too little data", { length: 512 }],
    ["a wrong tag", { flags: 0x8000 }],
  ];
  it.each(cases)("of a data sequence end the command: %s", async (_name, wrong) => {
    const keys = { InitialR2T: "Yes", ImmediateData: "No" };
    const { client } = await login({ port: PORT, targetName: IQN, keys });
    const tag = await beginWrite(client);
    const isWrongTag = wrong.flags !== undefined;
    client.send(
      {
        first: firstWord(opcodes.dataOut, commandFlags.final),
        initiatorTag: 50,
        targetTag: isWrongTag ? NO_TAG : tag,
        word36: wrong.word36 ?? 0,
        word40: wrong.word40 ?? 0,
      },
      Buffer.alloc(wrong.length ?? 1024, 9),
    );
    const response = await client.next();
    expect([response?.opcode, response?.status]).toEqual([opcodes.scsiResponse, 2]);
    expect(response?.data[4]).toBe(0x0b);
    expect(target.device.log).toEqual([]);
    client.close();
  });

  it("a client that vanishes in the middle of a write changes nothing", async () => {
    const keys = { InitialR2T: "Yes", ImmediateData: "No" };
    const { client } = await login({ port: PORT, targetName: IQN, keys });
    const tag = await beginWrite(client);
    client.send(
      { first: firstWord(opcodes.dataOut, 0), initiatorTag: 50, targetTag: tag, dataLength: 1024 },
      Buffer.alloc(512, 9),
    );
    client.close();
    await until(() => target.ends.length === 1);
    expect(target.device.log).toEqual([]);
  });

  it("commands outside of the window are ignored, a gap in it closes the connection", async () => {
    const { client } = await login({ port: PORT, targetName: IQN });
    const unitReady = (statSn: number, initiatorTag: number) =>
      client.send({ first: firstWord(opcodes.scsiCommand, 0x81), initiatorTag, statSn });
    unitReady(0, 1);
    unitReady(1 + COMMAND_WINDOW, 2);
    unitReady(1, 3);
    expect((await client.next())?.initiatorTag).toBe(3);
    unitReady(3, 4);
    await client.closed;
    expect(target.ends).toEqual(["protocol-error"]);
  });

  it("unknown requests are rejected with their own header", async () => {
    const { client } = await login({ port: PORT, targetName: IQN });
    client.send({ first: firstWord(0x1c, 0x80), initiatorTag: 77 });
    const reject = await client.next();
    expect([reject?.opcode, reject?.response]).toEqual([opcodes.reject, 5]);
    expect(reject?.data.readUInt32BE(16)).toBe(77);
    client.close();
  });

  it("a tag that is in use is rejected", async () => {
    const { client } = await login({ port: PORT, targetName: IQN });
    target.device.holding = true;
    const flush = (statSn: number) =>
      client.send({
        first: firstWord(opcodes.scsiCommand, 0x81),
        initiatorTag: 5,
        statSn,
        maxCmdSn: 0x3500_0000,
      });
    flush(1);
    flush(2);
    const reject = await client.next();
    expect([reject?.opcode, reject?.response]).toEqual([opcodes.reject, 7]);
    target.device.release();
    expect((await client.next())?.opcode).toBe(opcodes.scsiResponse);
    client.close();
  });
});
