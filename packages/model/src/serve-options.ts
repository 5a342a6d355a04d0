/** The arguments of `lockstep serve`, shared by the launcher, the supervisor and both processes. */
import { z } from "zod";
import { Name } from "./ids.ts";

export const DEFAULT_PORTS = { api: 7400, iscsi: 3260, mirror: 7410, heartbeat: 7411 } as const;

export const HostPort = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):\d{1,5}$/, "write HOST:PORT or [IPV6]:PORT")
  .refine(
    (text) => Number(text.slice(text.lastIndexOf(":") + 1)) <= 65_535,
    "a port is at most 65535",
  );

export interface Address {
  host: string;
  port: number;
}

export function parseHostPort(text: string): Address {
  const colon = text.lastIndexOf(":");
  return {
    host: text.slice(0, colon).replace(/^\[|\]$/g, ""),
    port: Number(text.slice(colon + 1)),
  };
}

export function formatHostPort({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export const ServeOptions = z.object({
  data: z.string().startsWith("/"),
  name: Name,
  api: HostPort.default(`127.0.0.1:${DEFAULT_PORTS.api}`),
  iscsi: z
    .array(HostPort)
    .min(1)
    .default([`127.0.0.1:${DEFAULT_PORTS.iscsi}`]),
  mirror: HostPort.default(`127.0.0.1:${DEFAULT_PORTS.mirror}`),
  heartbeat: HostPort.default(`127.0.0.1:${DEFAULT_PORTS.heartbeat}`),
  /** The address told to peer and hosts where the bound one is not it. */
  advertise: z.string().optional(),
  databaseUrl: z.string().optional(),
});
export type ServeOptions = z.infer<typeof ServeOptions>;
