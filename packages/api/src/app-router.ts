/** The whole API, one router per noun, served over HTTP and WebSocket at `/trpc`. */
import { tokenRouter, userRouter } from "./routers/accounts.ts";
import { commandProcedure } from "./routers/command.ts";
import { eventRouter, outageRouter, statusRouter } from "./routers/history.ts";
import { drillRouter, linkRouter, peerRouter } from "./routers/link.ts";
import { lunRouter } from "./routers/lun.ts";
import { router, viewer } from "./trpc.ts";

export const appRouter = router({
  me: viewer.query(({ ctx }) => ctx.user),
  status: statusRouter,
  lun: lunRouter,
  link: linkRouter,
  peer: peerRouter,
  drill: drillRouter,
  outage: outageRouter,
  event: eventRouter,
  user: userRouter,
  token: tokenRouter,
  doctor: viewer.query(({ ctx }) => ctx.appliance.command("doctor", {}, ctx.actor)),
  command: commandProcedure,
});

export type AppRouter = typeof appRouter;
