/** Where the demo's two servers keep their data and listen. */
import { join, resolve } from "node:path";
import { DEFAULT_PORTS, Failure, type ServeOptions } from "@lockstep/model";

export interface DemoFlags {
  data?: string;
  basePort?: number;
}

const HOST = "127.0.0.1";
const BETA_PORTS = { api: 7500, iscsi: 3261, mirror: 7510, heartbeat: 7511 } as const;
type Ports = Record<keyof typeof DEFAULT_PORTS, number>;

export interface DemoPlan {
  folder: string;
  alpha: ServeOptions;
  beta: ServeOptions;
}

export function planOf(flags: DemoFlags): DemoPlan {
  const folder = resolve(flags.data ?? ".lockstep");
  const { basePort } = flags;
  if (basePort !== undefined && (basePort < 1 || basePort > 65_528)) {
    throw new Failure("usage", "--base-port must leave room for eight ports");
  }
  const server = (name: string, ports: Ports): ServeOptions => ({
    data: join(folder, name),
    name,
    api: `${HOST}:${ports.api}`,
    iscsi: [`${HOST}:${ports.iscsi}`],
    mirror: `${HOST}:${ports.mirror}`,
    heartbeat: `${HOST}:${ports.heartbeat}`,
  });
  const from = (first: number): Ports => ({
    api: first,
    iscsi: first + 1,
    mirror: first + 2,
    heartbeat: first + 3,
  });
  return {
    folder,
    alpha: server("alpha", basePort === undefined ? DEFAULT_PORTS : from(basePort)),
    beta: server("beta", basePort === undefined ? BETA_PORTS : from(basePort + 4)),
  };
}
