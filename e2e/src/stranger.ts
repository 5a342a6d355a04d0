/** Somebody who knows the addresses but not the pairing secret: random bytes over TCP and UDP. */
import { randomBytes, randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect } from "node:net";

const CLOSE_TIMEOUT_MS = 10_000;

/** How the other side took a stranger's connection. */
export type Reception = "refused" | "closed" | "left open";

/**
 * Sends bytes to a TCP port; resolves with what the other side did before the time was over. What it answers, if
 * anything, is read and dropped.
 */
export function sendOverTcp(port: number, bytes: Buffer, host = "127.0.0.1"): Promise<Reception> {
  return new Promise((done) => {
    const socket = connect(port, host, () => socket.write(bytes));
    const timer = setTimeout(() => {
      socket.destroy();
      done("left open");
    }, CLOSE_TIMEOUT_MS);
    let reception: Reception = "closed";
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED") reception = "refused";
    });
    socket.on("data", () => {});
    socket.on("end", () => socket.end());
    socket.on("close", () => {
      clearTimeout(timer);
      done(reception);
    });
  });
}

export function sendOverUdp(
  port: number,
  datagrams: readonly Buffer[],
  host = "127.0.0.1",
): Promise<void> {
  const socket = createSocket("udp4");
  const sendOne = (datagram: Buffer) =>
    new Promise<void>((done, fail) =>
      socket.send(datagram, port, host, (error) => (error === null ? done() : fail(error))),
    );
  return (async () => {
    for (const datagram of datagrams) await sendOne(datagram);
    await new Promise<void>((done) => socket.close(() => done()));
  })();
}

/** Random bytes of random lengths. */
export function randomMessages(count: number, longestBytes: number): Buffer[] {
  return Array.from({ length: count }, () => randomBytes(randomInt(1, longestBytes)));
}
