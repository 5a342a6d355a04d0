/** The link, its peer and rehearsals of its loss. An invitation holds a secret, so viewers cannot make one. */
import { commands } from "@lockstep/model";
import { admin, router, viewer } from "../trpc.ts";

export const linkRouter = router({
  show: viewer.query(({ ctx }) => ctx.appliance.command("link.show", {}, ctx.actor)),
  set: admin
    .input(commands["link.set"])
    .mutation(({ ctx, input }) => ctx.appliance.command("link.set", input, ctx.actor)),
});

export const peerRouter = router({
  invite: admin.mutation(({ ctx }) => ctx.appliance.command("peer.invite", {}, ctx.actor)),
  join: admin
    .input(commands["peer.join"])
    .mutation(({ ctx, input }) => ctx.appliance.command("peer.join", input, ctx.actor)),
  show: viewer.query(({ ctx }) => ctx.appliance.command("peer.show", {}, ctx.actor)),
  remove: admin.mutation(({ ctx }) => ctx.appliance.command("peer.remove", {}, ctx.actor)),
});

export const drillRouter = router({
  start: admin
    .input(commands["drill.start"])
    .mutation(({ ctx, input }) => ctx.appliance.command("drill.start", input, ctx.actor)),
  stop: admin.mutation(({ ctx }) => ctx.appliance.command("drill.stop", {}, ctx.actor)),
});
