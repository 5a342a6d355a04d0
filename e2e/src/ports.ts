/**
 * Ports for the servers of the tests: taken in turn from one range, skipping those that something
 * else holds.
 */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

/** Below the range from which the kernel takes ports of outgoing connections. */
const FIRST_PORT = 23_500;
const LAST_PORT = 23_999;

let next = FIRST_PORT + (process.pid % 10) * 40;

function tcpFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", () => done(false));
    server.listen(port, "127.0.0.1", () => server.close(() => done(true)));
  });
}

function udpFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = createSocket("udp4");
    socket.once("error", () => {
      socket.close();
      done(false);
    });
    socket.bind(port, "127.0.0.1", () => socket.close(() => done(true)));
  });
}

export async function freePort(): Promise<number> {
  for (let tries = 0; tries <= LAST_PORT - FIRST_PORT; tries++) {
    const port = next;
    next = next >= LAST_PORT ? FIRST_PORT : next + 1;
    if ((await tcpFree(port)) && (await udpFree(port))) return port;
  }
  throw new Error(`no free port between ${FIRST_PORT} and ${LAST_PORT}`);
}
