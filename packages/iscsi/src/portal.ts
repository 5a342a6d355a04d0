/**
 * The listening side, in the main thread: accepts connections, reads each up to the target's name in its login, and
 * hands the socket to whoever owns that target (SPEC S2). Discovery sessions are served here whole. What doesn't log in,
 * says too much or takes too long is closed.
 */
import net, { type Socket } from "node:net";
import { type Address, formatHostPort } from "@lockstep/model";
import { type Greeting, LoginReader } from "./login/login-reader.ts";
import { loginStatus } from "./login/login-status.ts";
import { LoginNegotiation } from "./login/negotiation.ts";
import { SlabPool } from "./pdu/slab.ts";
import { Keepalive } from "./session/keepalive.ts";
import { Session } from "./session/session.ts";
import type { EndReason, LoginDecision, SessionHost } from "./session/session-host.ts";
import type { LoginHandoff } from "./session/session-state.ts";
import { detach } from "./socket-handoff.ts";
import { PORTAL_GROUP_TAG, targetText } from "./target-server.ts";

/** Connections that have not logged in yet. Beyond: closed at once. */
const MAX_GREETING = 256;
const MAX_DISCOVERY_SESSIONS = 64;
/** How long a connection may take until it has named its target, in milliseconds. */
const LOGIN_LIMIT_MS = 15_000;
/** How long a refused initiator may take to close its side, in milliseconds. */
const END_LIMIT_MS = 3000;

export type PortalRejection =
  | "too-many-connections"
  | "login-timeout"
  | "no-login"
  | "login-too-long"
  | "login-refused"
  | "connection-lost";

export interface CatalogueEntry {
  readonly iqn: string;
  /** "HOST:PORT,TAG" each. */
  readonly portals: readonly string[];
}

export interface PortalCounters {
  accepted: number;
  handedOver: number;
  discoveries: number;
  rejected: number;
}

export interface PortalOptions {
  readonly listen: readonly Address[];
  /** The targets that discovery shows. */
  catalogue(): readonly CatalogueEntry[];
  /** The new owner of the descriptor is whoever takes the handoff. */
  onLogin(handoff: LoginHandoff): void;
  onReject?(reason: PortalRejection, remoteAddress: string): void;
  readonly counters?: PortalCounters;
  readonly loginLimitMs?: number;
}

export class Portal {
  readonly counters: PortalCounters;
  readonly #options: PortalOptions;
  readonly #servers: net.Server[] = [];
  readonly #greeting = new Map<Socket, NodeJS.Timeout>();
  readonly #discovery: DiscoveryHost;

  constructor(options: PortalOptions) {
    this.#options = options;
    this.#discovery = new DiscoveryHost(options.catalogue);
    this.counters = options.counters ?? { accepted: 0, handedOver: 0, discoveries: 0, rejected: 0 };
  }

  /** Resolves when all portals listen; rejects with the system's error, listening nowhere. */
  async listen(): Promise<void> {
    try {
      for (const address of this.#options.listen) await this.#listenOn(address);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #listenOn({ host, port }: Address): Promise<void> {
    const server = net.createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port }, () => {
        server.off("error", reject);
        // An accept that fails (no descriptors left) costs that connection only.
        server.on("error", () => {});
        resolve();
      });
    });
  }

  /** Stops listening and closes what has not been handed over. */
  close(): void {
    for (const server of this.#servers.splice(0)) server.close();
    for (const [socket, timer] of this.#greeting) {
      clearTimeout(timer);
      socket.destroy();
    }
    this.#greeting.clear();
    this.#discovery.close();
  }

  #accept(socket: Socket): void {
    this.counters.accepted++;
    const remoteAddress = formatHostPort({
      host: socket.remoteAddress ?? "",
      port: socket.remotePort ?? 0,
    });
    if (this.#greeting.size >= MAX_GREETING) {
      this.#reject(socket, "too-many-connections", remoteAddress);
      return;
    }
    const limitMs = this.#options.loginLimitMs ?? LOGIN_LIMIT_MS;
    const timer = setTimeout(() => this.#reject(socket, "login-timeout", remoteAddress), limitMs);
    this.#greeting.set(socket, timer);
    const lost = () => this.#reject(socket, "connection-lost", remoteAddress);
    const reader = new LoginReader();
    const onData = (chunk: Buffer) => {
      const greeting = reader.take(chunk);
      if (greeting.kind === "wait") return;
      if (greeting.kind === "continue") {
        socket.write(greeting.answer);
        return;
      }
      socket.off("data", onData);
      socket.off("close", lost);
      this.#greeted(socket, greeting, remoteAddress);
    };
    socket.on("error", () => {});
    socket.on("close", lost);
    socket.on("data", onData);
  }

  #reject(socket: Socket, reason: PortalRejection, remoteAddress: string): void {
    if (this.#leave(socket) || reason === "too-many-connections") {
      this.counters.rejected++;
      this.#options.onReject?.(reason, remoteAddress);
    }
    socket.destroy();
  }

  /** The connection is no longer among those that greet; false if it wasn't. */
  #leave(socket: Socket): boolean {
    clearTimeout(this.#greeting.get(socket));
    return this.#greeting.delete(socket);
  }

  #greeted(
    socket: Socket,
    greeting: Exclude<Greeting, { kind: "wait" | "continue" }>,
    remoteAddress: string,
  ): void {
    if (greeting.kind === "wrong") {
      this.#leave(socket);
      this.counters.rejected++;
      this.#options.onReject?.(greeting.reason, remoteAddress);
      if (greeting.answer) endWith(socket, greeting.answer);
      else socket.destroy();
      return;
    }
    const { initiatorName, targetName, bytes, collectedText, statSn } = greeting;
    const login = { initiatorName, targetName, bytes, collectedText, statSn, remoteAddress };
    this.#leave(socket);
    if (greeting.kind === "discovery") {
      this.counters.discoveries++;
      this.#discovery.adopt(socket, { ...login, fd: -1 });
      return;
    }
    const fd = detach(socket);
    if (fd === null) return;
    this.counters.handedOver++;
    this.#options.onLogin({ ...login, fd });
  }
}

/** Sends the last words, and closes even if the other side doesn't. */
function endWith(socket: Socket, answer: Buffer): void {
  socket.resume();
  socket.setTimeout(END_LIMIT_MS, () => socket.destroy());
  socket.end(answer);
}

/** The host of discovery sessions: no units, all targets of the catalogue. */
class DiscoveryHost implements SessionHost {
  readonly pool = new SlabPool();
  readonly #catalogue: () => readonly CatalogueEntry[];
  readonly #sessions = new Set<Session>();
  readonly #keepalive: Keepalive;

  constructor(catalogue: () => readonly CatalogueEntry[]) {
    this.#catalogue = catalogue;
    this.#keepalive = new Keepalive(undefined, () => this.#sessions);
  }

  adopt(socket: Socket, handoff: LoginHandoff): void {
    const { collectedText } = handoff;
    const negotiation = new LoginNegotiation({ portalGroupTag: PORTAL_GROUP_TAG, collectedText });
    const session = Session.forLogin(this, socket, handoff, negotiation);
    if (session.phase === "closed") return;
    this.#sessions.add(session);
    this.#keepalive.start();
  }

  close(): void {
    this.#keepalive.stop();
    for (const session of [...this.#sessions]) session.close("target-closed");
  }

  admit(
    session: Session,
    _login: LoginNegotiation,
    _tsih: number,
    decide: (decision: LoginDecision) => void,
  ): void {
    if (!session.discovery) decide({ kind: "refused", status: loginStatus.initiatorError });
    else if (this.#sessions.size >= MAX_DISCOVERY_SESSIONS) {
      decide({ kind: "refused", status: loginStatus.outOfResources });
    } else decide({ kind: "admitted", tsih: 1, units: [] });
  }

  sendTargets(_session: Session, value: string): string | null {
    const entries = this.#catalogue();
    const wanted = value === "All" ? entries : entries.filter(({ iqn }) => iqn === value);
    if (value !== "All" && wanted.length === 0) return null;
    return wanted.map(({ iqn, portals }) => targetText(iqn, portals)).join("");
  }

  flushLater(session: Session): void {
    session.outbox.flush();
  }

  sessionsOf(): Iterable<Session> {
    return [];
  }

  ended(session: Session, _reason: EndReason): void {
    this.#sessions.delete(session);
  }
}
