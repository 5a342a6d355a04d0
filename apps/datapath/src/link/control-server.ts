/** The listening side of the control channel: admits the peer and those who hold an invitation, answers their requests. */
import net from "node:net";
import { decodePayload, FrameKind, type KeyedHash } from "@lockstep/engine";
import { encodeJsonFrame, type Identity, ProvenSocket } from "@lockstep/engine/io";
import { type Address, Failure } from "@lockstep/model";
import {
  ControlMessage,
  type ControlParams,
  type ControlRequestName,
  type ControlResult,
  controlRequests,
  type LunNotice,
} from "./control-messages.ts";

/** Connections that have not proven themselves, at most; one more is closed at once. */
const MAX_UNPROVEN = 16;

export type ControlHandlers = {
  [K in ControlRequestName]: (params: ControlParams<K>) => Promise<ControlResult<K>>;
};

export interface ControlServerOptions {
  address: Address;
  self: string;
  /** The keyed hash for who dials, or null for a stranger. */
  admit(purpose: "control" | "pair", from: string): KeyedHash | null;
  handlers: ControlHandlers;
  notice(lun: LunNotice): void;
  stranger(from: string, reason: string): void;
}

export class ControlServer {
  private readonly options: ControlServerOptions;
  private readonly server: net.Server;
  private readonly sockets = new Set<ProvenSocket>();
  private unproven = 0;
  private hangingUp = false;

  constructor(options: ControlServerOptions) {
    this.options = options;
    this.server = net.createServer((socket) => this.accept(socket));
  }

  /** Resolves with the port it listens on. */
  listen(): Promise<number> {
    const { host, port } = this.options.address;
    return new Promise((resolve, reject) => {
      this.server.once("error", (error: NodeJS.ErrnoException) => {
        const why = error.code === "EADDRINUSE" ? "is in use" : `can't be used (${error.message})`;
        reject(new Failure("unavailable", `the mirror address ${host}:${port} ${why}`));
      });
      this.server.listen({ host, port }, () => {
        // A dialler that could not be accepted (no descriptor was left) tries again; it is no reason to end.
        this.server.on("error", () => undefined);
        const address = this.server.address();
        resolve(address === null || typeof address === "string" ? port : address.port);
      });
    });
  }

  /** Closes the connections; with `all`, the listening socket too. */
  hangUp(reason: string, all = false): void {
    if (all) this.server.close();
    this.hangingUp = true;
    for (const socket of this.sockets) socket.close(reason);
    this.hangingUp = false;
  }

  private accept(socket: net.Socket): void {
    const { options } = this;
    const from = `${socket.remoteAddress}:${socket.remotePort}`;
    if (this.unproven >= MAX_UNPROVEN) {
      socket.destroy();
      options.stranger(from, "too many connections have not proven themselves");
      return;
    }
    let identity: Identity | null = null;
    this.unproven++;
    const proven: ProvenSocket = new ProvenSocket(
      socket,
      {
        role: "listener",
        self: options.self,
        admit: (proof) => {
          if (proof.purpose === "stream") return null;
          const hash = options.admit(proof.purpose, proof.from);
          const listener = proof.purpose === "pair" ? null : options.self;
          return hash === null ? null : { hash, listener };
        },
      },
      {
        proven: (known) => {
          this.unproven--;
          identity = known;
        },
        frame: (header, _bytes, _at, payload) => {
          if (header.kind !== FrameKind.control || identity === null) return false;
          return this.take(proven, identity, payload);
        },
        batchEnd: () => undefined,
        closed: (reason, stranger) => {
          this.sockets.delete(proven);
          if (!stranger) return;
          this.unproven--;
          if (!this.hangingUp) options.stranger(from, reason);
        },
      },
    );
    this.sockets.add(proven);
  }

  private take(proven: ProvenSocket, identity: Identity, payload: Buffer): boolean {
    const message = decodePayload(ControlMessage, payload);
    if (message === null) return false;
    if ("notice" in message) {
      if (identity.purpose !== "control") return false;
      this.options.notice(message.lun);
      return true;
    }
    if (!("request" in message)) return false;
    const { id, request, params } = message;
    const allowed = (request === "pair") === (identity.purpose === "pair");
    if (!allowed || !Object.hasOwn(controlRequests, request)) return false;
    void this.carryOut(request as ControlRequestName, params).then(
      (result) => proven.socket.write(encodeJsonFrame(FrameKind.control, { id, result })),
      (error: unknown) => {
        const known = error instanceof Failure;
        const told = {
          code: known ? error.code : "internal",
          message: error instanceof Error ? error.message : String(error),
          hint: known ? error.hint : null,
        };
        proven.socket.write(encodeJsonFrame(FrameKind.control, { id, error: told }));
      },
    );
    return true;
  }

  private async carryOut<K extends ControlRequestName>(
    request: K,
    params: unknown,
  ): Promise<unknown> {
    const parsed = controlRequests[request].params.safeParse(params);
    if (!parsed.success) throw new Failure("usage", `the request "${request}" could not be read`);
    return this.options.handlers[request](parsed.data as ControlParams<K>);
  }
}
