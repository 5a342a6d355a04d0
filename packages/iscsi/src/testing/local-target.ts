/** A target in the test's own thread: portal and target server side by side, over real sockets. */
import { Portal, type PortalOptions } from "../portal.ts";
import type { LogicalUnit } from "../scsi/unit.ts";
import { TargetServer, type TargetServerOptions } from "../target-server.ts";
import { StubDevice } from "./stub-device.ts";

export const IQN = "iqn.2026-11.dev.lockstep:test.one";
const UUID = "6f1f3d0c-55c2-4a6b-9a3e-6f5cf2f0a001";

export interface LocalTarget {
  readonly port: number;
  readonly portal: Portal;
  readonly server: TargetServer;
  readonly device: StubDevice;
  readonly unit: LogicalUnit;
  /** Ends of sessions and rejections of the portal, in order. */
  readonly ends: string[];
  close(): void;
}

export async function startLocalTarget(
  port: number,
  options: { keepalive?: TargetServerOptions["keepalive"]; portal?: Partial<PortalOptions> } = {},
): Promise<LocalTarget> {
  const ends: string[] = [];
  const device = new StubDevice(16 * 1024 * 1024);
  const identity = { uuid: UUID, name: "one" };
  const unit: LogicalUnit = { number: 0, device, identity, writeCache: true };
  const server = new TargetServer({
    portals: () => [`127.0.0.1:${port},1`],
    onEnd: (_session, reason) => ends.push(reason),
    ...(options.keepalive ? { keepalive: options.keepalive } : {}),
  });
  server.addTarget(IQN, [unit]);
  const portal = new Portal({
    listen: [{ host: "127.0.0.1", port }],
    catalogue: () => [{ iqn: IQN, portals: [`127.0.0.1:${port},1`] }],
    onLogin: (handoff) => server.adopt(handoff),
    onReject: (reason) => ends.push(reason),
    ...options.portal,
  });
  await portal.listen();
  const close = () => {
    portal.close();
    server.close();
  };
  return { port, portal, server, device, unit, ends, close };
}
