import { once } from "node:events";
import { MessageChannel } from "node:worker_threads";
import { Failure } from "@lockstep/model";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { answerCall, type Callee, Caller } from "./calls.ts";

interface Calls {
  double: { params: { number: number }; result: number };
  nothing: { params: Record<string, never>; result: null };
  refuse: { params: { known: boolean }; result: null };
  never: { params: Record<string, never>; result: null };
}

let channel: MessageChannel;
let caller: Caller<Calls>;
const handlers: Callee<Calls> = {
  double: ({ number }) => Promise.resolve(2 * number),
  nothing: () => undefined as unknown as null,
  refuse: ({ known }) => {
    throw known ? new Failure("refused", "not now", "wait") : new TypeError("x is undefined");
  },
  never: () => new Promise(() => undefined),
};

beforeEach(() => {
  channel = new MessageChannel();
  caller = new Caller(channel.port1);
  channel.port1.on("message", (message) => caller.take(message));
  channel.port2.on("message", (message) => answerCall(channel.port2, handlers, message));
});
afterEach(() => {
  channel.port1.close();
});

describe("calls over a port", () => {
  it("bring each its own answer", async () => {
    const answers = [1, 2, 3].map((number) => caller.call("double", { number }));
    expect(await Promise.all(answers)).toEqual([2, 4, 6]);
    expect(await caller.call("nothing", {})).toBeNull();
  });

  it("bring a failure whole, and anything else as a bug", async () => {
    const refused = await caller.call("refuse", { known: true }).catch((error) => error);
    expect(refused).toBeInstanceOf(Failure);
    expect(refused).toMatchObject({ code: "refused", message: "not now", hint: "wait" });
    const bug = { code: "internal", message: "x is undefined", hint: null };
    await expect(caller.call("refuse", { known: false })).rejects.toMatchObject(bug);
  });

  it("fail when the other side is gone, also those that come later", async () => {
    const waiting = caller.call("never", {}).catch((error) => error);
    caller.fail("worker 3 has ended");
    const gone = { code: "internal", message: "worker 3 has ended" };
    expect(await waiting).toMatchObject(gone);
    await expect(caller.call("double", { number: 1 })).rejects.toMatchObject(gone);
  });

  it("leave what is neither call nor answer to others", async () => {
    for (const message of [null, "call", 7, {}, { report: "lun" }]) {
      expect(caller.take(message)).toBe(false);
      expect(answerCall(channel.port2, handlers, message)).toBe(false);
    }
    expect(caller.take({ answer: 99, result: 1 })).toBe(true);
    expect(answerCall(channel.port2, handlers, { call: "unknown", id: 5, params: {} })).toBe(true);
    const [answer] = await once(channel.port1, "message");
    expect(answer).toMatchObject({ answer: 5, failure: { code: "internal" } });
  });
});
