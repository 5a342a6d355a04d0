import { type CommandName, commands, Failure, FailureCode } from "@lockstep/model";
import { TRPCError } from "@trpc/server";
import { describe, expect, it } from "vitest";
import { appRouter } from "./app-router.ts";
import type { Accounts, Appliance, Context, History, Role } from "./context.ts";
import { failureData, toApiError } from "./failure-mapper.ts";
import { createCallerFactory } from "./trpc.ts";

const asked: string[] = [];
const context = (role: Role | null): Context => ({
  user: role && { id: "1", name: role, role },
  address: "192.0.2.1",
  appliance: {
    command: async (name: string, _params: unknown, actor: { who: string; from: string }) => {
      asked.push(`${name} by ${actor.who} from ${actor.from}`);
      return null;
    },
  } as unknown as Appliance,
  history: {
    events: async ({ limit }: { limit: number }) => ({
      events: Array.from({ length: Math.min(limit, 3) }, (_, i) => ({ seq: 9 - i })),
      source: "database",
    }),
  } as unknown as History,
  accounts: {} as Accounts,
});
const as = (role: Role | null) => createCallerFactory(appRouter)(context(role));

/** What changes nothing and tells no secret; a new command is an administrator's until it stands here. */
const FOR_VIEWERS: CommandName[] = [
  "status",
  "peer.show",
  "link.show",
  "link.wait",
  "lun.list",
  "lun.show",
  "lun.wait",
  "outage.list",
  "outage.show",
  "event.list",
  "doctor",
];

const PARAMS: Partial<Record<CommandName, unknown>> = {
  "peer.join": { code: "x" },
  "link.wait": { state: "up", timeoutS: 1 },
  "lun.create": { name: "x", size: "1MiB" },
  "lun.resize": { name: "x", size: 1 },
  "lun.mirror": { name: "x", on: true },
  "lun.mode": { name: "x", mode: "sync" },
  "lun.wait": { name: "x", state: "mirrored", timeoutS: 1 },
  "outage.show": { id: "x" },
};

describe("commands by name", () => {
  it.each(Object.keys(commands) as CommandName[])(
    "%s is for those it should be for",
    async (name) => {
      const params = PARAMS[name] ?? { name: "x" };
      await expect(as(null).command({ name, params })).rejects.toMatchObject({
        code: "UNAUTHORIZED",
      });
      asked.length = 0;
      await as("admin").command({ name, params });
      expect(asked).toEqual([`${name} by admin from 192.0.2.1`]);
      const viewer = as("viewer").command({ name, params });
      if (FOR_VIEWERS.includes(name)) expect(await viewer).toBeNull();
      else await expect(viewer).rejects.toMatchObject({ code: "FORBIDDEN" });
    },
  );

  it("are checked before they are passed on", async () => {
    asked.length = 0;
    const wrong = as("admin").command({ name: "lun.create", params: { name: "x", size: "1GB" } });
    await expect(wrong).rejects.toSatisfy((error: TRPCError) => {
      const failure = failureData(error);
      return failure.code === "usage" && failure.message.startsWith('size: "1GB" is no size');
    });
    expect(asked).toEqual([]);
  });
});

describe("pages of events", () => {
  it("name where the next one begins, and the last names none", async () => {
    expect(await as("viewer").event.list({ limit: 2 })).toMatchObject({
      events: [{ seq: 9 }, { seq: 8 }],
      nextCursor: 8,
    });
    expect(await as("viewer").event.list({ limit: 3 })).toMatchObject({ nextCursor: null });
  });
});

describe("failures", () => {
  it.each(FailureCode.options)("%s reaches the caller whole", (code) => {
    const error = toApiError(new Failure(code, "a sentence", "a hint"));
    expect(failureData(error)).toEqual({ code, message: "a sentence", hint: "a hint" });
  });

  it("a bug's message stays here", () => {
    const error = new TRPCError({ code: "INTERNAL_SERVER_ERROR", cause: new Error("secret") });
    expect(JSON.stringify(failureData(error))).not.toContain("secret");
  });
});
