/** LUNs: read by everyone who signed in, changed by administrators. */
import { commands } from "@lockstep/model";
import { admin, router, viewer } from "../trpc.ts";

export const lunRouter = router({
  list: viewer.query(({ ctx }) => ctx.appliance.command("lun.list", {}, ctx.actor)),
  show: viewer
    .input(commands["lun.show"])
    .query(({ ctx, input }) => ctx.appliance.command("lun.show", input, ctx.actor)),
  create: admin
    .input(commands["lun.create"])
    .mutation(({ ctx, input }) => ctx.appliance.command("lun.create", input, ctx.actor)),
  delete: admin
    .input(commands["lun.delete"])
    .mutation(({ ctx, input }) => ctx.appliance.command("lun.delete", input, ctx.actor)),
  resize: admin
    .input(commands["lun.resize"])
    .mutation(({ ctx, input }) => ctx.appliance.command("lun.resize", input, ctx.actor)),
  mirror: admin
    .input(commands["lun.mirror"])
    .mutation(({ ctx, input }) => ctx.appliance.command("lun.mirror", input, ctx.actor)),
  mode: admin
    .input(commands["lun.mode"])
    .mutation(({ ctx, input }) => ctx.appliance.command("lun.mode", input, ctx.actor)),
  pause: admin
    .input(commands["lun.pause"])
    .mutation(({ ctx, input }) => ctx.appliance.command("lun.pause", input, ctx.actor)),
  resume: admin
    .input(commands["lun.resume"])
    .mutation(({ ctx, input }) => ctx.appliance.command("lun.resume", input, ctx.actor)),
  set: admin
    .input(commands["lun.set"])
    .mutation(({ ctx, input }) => ctx.appliance.command("lun.set", input, ctx.actor)),
});
