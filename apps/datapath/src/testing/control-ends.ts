/** Both ends of a control channel for tests: a server whose handlers a test gives, and a dialler that says anything. */
import net from "node:net";
import { FrameKind, type Purpose } from "@lockstep/engine";
import { encodeJsonFrame, keyedHash, ProvenSocket } from "@lockstep/engine/io";
import { DEFAULT_LINK_SETTINGS, Failure } from "@lockstep/model";
import { ControlClient } from "../link/control-client.ts";
import type { Hello, LunNotice } from "../link/control-messages.ts";
import { type ControlHandlers, ControlServer } from "../link/control-server.ts";

export const ALPHA = "6f0d6f5c-0000-4000-8000-00000000000a";
export const BETA = "1b0d6f5c-0000-4000-8000-00000000000b";
export const SECRET = Buffer.alloc(32, 7);
export const HASH = keyedHash(SECRET, "control");
export const PAIR_HASH = keyedHash(SECRET, "pair");

export function hello(name: string): Hello {
  const settings = DEFAULT_LINK_SETTINGS;
  return { versions: { min: 1, max: 1 }, release: "0", name, settings, settingsVersion: 0 };
}

function unexpected(): Promise<never> {
  return Promise.reject(new Failure("internal", "the test has no handler for this"));
}

/** Handlers of what no test asks for. */
export const UNEXPECTED: ControlHandlers = {
  hello: unexpected,
  pair: unexpected,
  ports: unexpected,
  reopen: unexpected,
  settings: unexpected,
  reshape: unexpected,
  drill: unexpected,
  "lun.offer": unexpected,
  "lun.census": unexpected,
  unpair: unexpected,
};

/** Beta's control server, which knows alpha. */
export class ControlEnd {
  readonly server: ControlServer;
  readonly strangers: string[] = [];
  readonly notices: LunNotice[] = [];
  port = 0;

  static async start(handlers: Partial<ControlHandlers> = {}): Promise<ControlEnd> {
    const end = new ControlEnd(handlers);
    end.port = await end.server.listen();
    return end;
  }

  constructor(handlers: Partial<ControlHandlers>) {
    this.server = new ControlServer({
      address: { host: "127.0.0.1", port: 0 },
      self: BETA,
      admit: (purpose, from) => (purpose === "pair" ? PAIR_HASH : from === ALPHA ? HASH : null),
      handlers: { ...UNEXPECTED, ...handlers },
      notice: (lun) => this.notices.push(lun),
      stranger: (_from, reason) => this.strangers.push(reason),
    });
  }

  close(): void {
    this.server.hangUp("the test is over", true);
  }
}

export function client(port: number, purpose: "control" | "pair" = "control"): ControlClient {
  const pair = purpose === "pair";
  const hash = pair ? PAIR_HASH : HASH;
  const peer = pair ? null : BETA;
  return new ControlClient({ host: "127.0.0.1", port, purpose, self: ALPHA, peer, hash });
}

/** One who has proven itself, and says what a test has it say. */
export class RawEnd {
  readonly closed: Promise<{ reason: string; stranger: boolean }>;
  readonly messages: unknown[] = [];
  readonly proven: Promise<void>;
  private readonly connection: ProvenSocket;
  private waiting: (() => void) | null = null;

  static dial(port: number, purpose: Purpose = "control", from = ALPHA): RawEnd {
    return new RawEnd(net.connect(port, "127.0.0.1"), purpose, from);
  }

  /** `purpose` null: listens, as beta. */
  constructor(socket: net.Socket, purpose: Purpose | null, from = ALPHA) {
    const closed = Promise.withResolvers<{ reason: string; stranger: boolean }>();
    const proven = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.proven = proven.promise;
    const pair = purpose === "pair";
    const hash = pair ? PAIR_HASH : HASH;
    this.connection = new ProvenSocket(
      socket,
      purpose === null
        ? { role: "listener", self: BETA, admit: () => ({ hash, listener: BETA }) }
        : {
            role: "dialler",
            identity: { purpose, from, epoch: 0, index: 0 },
            listener: pair ? null : BETA,
            hash,
          },
      {
        proven: () => proven.resolve(),
        frame: (_header, _bytes, _at, payload) => {
          this.messages.push(JSON.parse(payload.toString("utf8")));
          this.waiting?.();
          return true;
        },
        batchEnd: () => undefined,
        closed: (reason, stranger) => closed.resolve({ reason, stranger }),
      },
    );
  }

  /** Resolves when so many messages have come. */
  async heard(count: number): Promise<void> {
    while (this.messages.length < count) {
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
  }

  says(value: unknown, kind: FrameKind = FrameKind.control): void {
    this.connection.socket.write(encodeJsonFrame(kind, value));
  }

  close(): void {
    this.connection.close("enough");
  }
}
