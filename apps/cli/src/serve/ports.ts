/** Whether the ports that a server needs are free, so that a taken one is a sentence and not a stack in a log. */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { Failure, parseHostPort, type ServeOptions } from "@lockstep/model";

interface Need {
  what: string;
  option: string;
  address: string;
  protocol: "tcp" | "udp";
}

/** `backendRuns`: the API's port is held by this server's own backend. */
export function portNeeds(options: ServeOptions, backendRuns: boolean): Need[] {
  const needs: Need[] = [
    ...options.iscsi.map((address) => ({
      what: "iSCSI",
      option: "--iscsi",
      address,
      protocol: "tcp" as const,
    })),
    { what: "the mirror", option: "--mirror", address: options.mirror, protocol: "tcp" },
    { what: "heartbeats", option: "--heartbeat", address: options.heartbeat, protocol: "udp" },
  ];
  if (backendRuns) return needs;
  return [
    { what: "API and console", option: "--api", address: options.api, protocol: "tcp" },
    ...needs,
  ];
}

/** Rejects with a Failure that names the first port that cannot be had. */
export async function checkPorts(needs: readonly Need[]): Promise<void> {
  for (const need of needs) {
    const error = await (need.protocol === "tcp" ? tryTcp(need.address) : tryUdp(need.address));
    if (error !== null) throw explain(need, error);
  }
}

function tryTcp(address: string): Promise<NodeJS.ErrnoException | null> {
  const { host, port } = parseHostPort(address);
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

function tryUdp(address: string): Promise<NodeJS.ErrnoException | null> {
  const { host, port } = parseHostPort(address);
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.once("error", (error) => {
      socket.close();
      resolve(error);
    });
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(null)));
  });
}

function explain(need: Need, error: NodeJS.ErrnoException): Failure {
  const { host, port } = parseHostPort(need.address);
  const kind = need.protocol === "udp" ? "UDP port" : "port";
  switch (error.code) {
    case "EADDRINUSE":
      return new Failure(
        "unavailable",
        `${kind} ${port} on ${host} is taken; it is needed for ${need.what}`,
        `stop what uses it, or choose another with ${need.option} HOST:PORT`,
      );
    case "EACCES":
      return new Failure(
        "unavailable",
        `this user may not listen on ${kind} ${port} (${need.what})`,
        `choose one above 1023 with ${need.option} HOST:PORT`,
      );
    default:
      return new Failure(
        "unavailable",
        `cannot listen on ${need.address} for ${need.what}: ${error.message}`,
        `choose an address of this machine with ${need.option} HOST:PORT`,
      );
  }
}
