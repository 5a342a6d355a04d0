/** Forwards datagrams to one address for tests, keeps copies, and drops all while cut. */
import type { Socket } from "node:dgram";
import { createSocket } from "node:dgram";
import { once } from "node:events";

export class UdpProxy {
  readonly #socket: Socket;
  readonly recorded: Buffer[] = [];
  cut = false;

  static async start(toPort: number): Promise<UdpProxy> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new UdpProxy(socket, toPort);
  }

  private constructor(socket: Socket, toPort: number) {
    this.#socket = socket;
    socket.on("message", (bytes) => {
      this.recorded.push(Buffer.from(bytes));
      if (!this.cut) socket.send(bytes, toPort, "127.0.0.1");
    });
  }

  get port(): number {
    return this.#socket.address().port;
  }

  send(bytes: Uint8Array, port: number): void {
    this.#socket.send(bytes, port, "127.0.0.1");
  }

  close(): void {
    this.#socket.close();
  }
}
