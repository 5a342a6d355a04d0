/**
 * The procedures that routers are built from: `viewer` for reading, `admin` for everything that changes or reveals
 * something. Both refuse callers without credentials.
 */
import { type Actor, Failure } from "@lockstep/model";
import { initTRPC, TRPCError } from "@trpc/server";
import type { Context, User } from "./context.ts";
import { failureData, toApiError } from "./failure-mapper.ts";

const t = initTRPC.context<Context>().create({
  isDev: false,
  errorFormatter: ({ shape, error }) => {
    const failure = failureData(error);
    return { ...shape, message: failure.message, data: { ...shape.data, failure } };
  },
});

export const router = t.router;
export const createCallerFactory = t.createCallerFactory;

const mapped = t.procedure.use(async ({ next }) => {
  const result = await next();
  if (!result.ok && result.error.cause instanceof Failure) throw toApiError(result.error.cause);
  return result;
});

export const viewer = mapped.use(({ ctx, next }) => {
  const { user } = ctx;
  if (!user) throw new TRPCError({ code: "UNAUTHORIZED" });
  return next({ ctx: { ...ctx, user, actor: actorOf(user, ctx.address) } });
});

export const admin = viewer.use(({ ctx, next }) => {
  assertAdmin(ctx.user);
  return next();
});

export function assertAdmin(user: User): void {
  if (user.role === "admin") return;
  throw new TRPCError({
    code: "FORBIDDEN",
    message: `${user.name} may look, but not change anything`,
  });
}

function actorOf(user: User, address: string): Actor {
  return { who: user.name, from: address };
}
