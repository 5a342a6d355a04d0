/**
 * A process with one side's heartbeats, to be stopped with SIGSTOP by a test. Says its port, obeys {meet, arm}, and tells
 * its events, all over the channel of `fork`.
 */
import type { SideName } from "./heartbeat-side.ts";
import { HeartbeatSide, SETTINGS } from "./heartbeat-side.ts";

type Order = { meet: number } | { arm: number } | { tell: true };

const side = await HeartbeatSide.start((process.argv[2] ?? "beta") as SideName);
process.on("message", (order: Order) => {
  if ("meet" in order) side.meet(order.meet);
  else if ("arm" in order) side.heartbeats.arm({ count: SETTINGS.connections, epoch: order.arm });
  else process.send?.({ interruptions: side.interruptions() });
});
process.on("disconnect", () => process.exit());
process.send?.({ port: side.heartbeats.port });
