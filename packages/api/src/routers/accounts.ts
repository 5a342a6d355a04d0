/** Users and the tokens of the command line. Anyone may have tokens, never with more rights than the user has. */
import { Failure } from "@lockstep/model";
import { z } from "zod";
import { admin, router, viewer } from "../trpc.ts";

export const MIN_PASSWORD_LENGTH = 10;
const RoleName = z.enum(["admin", "viewer"]);
const Password = z.string().min(MIN_PASSWORD_LENGTH).max(128);
const UserName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{1,29}$/, "use 2 to 30 lower-case letters, digits, dots and hyphens");

export const userRouter = router({
  list: admin.query(({ ctx }) => ctx.accounts.listUsers()),
  create: admin
    .input(z.object({ name: UserName, password: Password, role: RoleName }))
    .mutation(({ ctx, input }) => ctx.accounts.createUser(input, ctx.actor)),
  setPassword: admin
    .input(z.object({ id: z.string(), password: Password }))
    .mutation(({ ctx, input }) => ctx.accounts.setPassword(input, ctx.actor)),
  setRole: admin
    .input(z.object({ id: z.string(), role: RoleName }))
    .mutation(({ ctx, input }) => ctx.accounts.setRole(input, ctx.actor)),
  delete: admin
    .input(z.object({ id: z.string() }))
    .mutation(({ ctx, input }) => ctx.accounts.deleteUser(input.id, ctx.actor)),
});

export const tokenRouter = router({
  list: viewer.query(({ ctx }) => ctx.accounts.listTokens(ctx.user)),
  create: viewer
    .input(
      z.object({
        name: z.string().min(1).max(60),
        role: RoleName.optional(),
        /** Days until it expires; without it, it does not. */
        days: z.number().int().min(1).max(3650).optional(),
      }),
    )
    .mutation(({ ctx, input }) => {
      const role = input.role ?? ctx.user.role;
      if (role === "admin" && ctx.user.role !== "admin") {
        throw new Failure("refused", "a viewer's token cannot have an administrator's rights");
      }
      const wish = { name: input.name, role, days: input.days ?? null };
      return ctx.accounts.createToken(ctx.user, wish, ctx.actor);
    }),
  revoke: viewer
    .input(z.object({ id: z.string() }))
    .mutation(({ ctx, input }) => ctx.accounts.revokeToken(ctx.user, input.id, ctx.actor)),
});
