/**
 * A data path for tests: the local protocol's real lines on a real socket, with answers that the test decides. It
 * keeps a spool as the real one does: events are numbered and kept until `events.taken`, `subscribe` sends what is
 * left, and stopping it and starting another over the same spool is a restart.
 */
import { mkdirSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import {
  type Actor,
  type CommandName,
  type CommandParams,
  type CommandResult,
  commands,
  type Event,
  Failure,
  LocalRequest,
  type Outage,
  type ProcessMessageName,
  processMessages,
  SOCKET_NAME,
  type Status,
} from "@lockstep/model";
import type { z } from "zod";
import { JsonLines } from "../json-lines.ts";
import { sampleStatus } from "./sample-status.ts";

export { sampleLun, sampleStatus } from "./sample-status.ts";

type Hello = z.output<typeof processMessages.hello>;
type Report = z.output<(typeof processMessages)["event.report"]>;
type Handler<C extends CommandName> = (
  params: CommandParams<C>,
  actor: Actor,
) => CommandResult<C> | Promise<CommandResult<C>>;

interface Subscriber {
  socket: Socket;
  status: boolean;
  events: boolean;
  outages: boolean;
}

export type NewEvent = Partial<Omit<Event, "seq">> & Pick<Event, "kind">;

export class FakeDataPath {
  readonly dataFolder: string;
  readonly hellos: Hello[] = [];
  readonly spool: Event[];
  readonly outages: Outage[] = [];
  /** The highest `events.taken`, and every one in order. */
  readonly taken: number[] = [];
  status: Status = sampleStatus();
  #lastSeq: number;
  #server: Server | null = null;
  readonly #handlers = new Map<string, (params: never, actor: Actor) => unknown>();
  readonly #sockets = new Set<Socket>();
  readonly #subscribers = new Map<Socket, Subscriber>();

  constructor(dataFolder: string, spool: Event[] = []) {
    this.dataFolder = dataFolder;
    this.spool = spool;
    this.#lastSeq = spool.at(-1)?.seq ?? 0;
    this.on("status", () => this.status);
    this.on("lun.list", () => this.status.luns);
    this.on("event.list", () => this.spool);
    this.on("outage.list", () => this.outages);
  }

  on<C extends CommandName>(name: C, handler: Handler<C>): void {
    this.#handlers.set(name, handler as (params: never, actor: Actor) => unknown);
  }

  start(): Promise<void> {
    mkdirSync(this.dataFolder, { recursive: true });
    const path = join(this.dataFolder, SOCKET_NAME);
    rmSync(path, { force: true });
    this.#server = createServer((socket) => this.#accept(socket));
    return new Promise((resolve) => this.#server?.listen(path, resolve));
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const server = this.#server;
    this.#server = null;
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  event(wish: NewEvent): Event {
    const event: Event = {
      at: "2026-11-22T10:00:00.000Z",
      severity: "info",
      actor: { who: "system", from: "data path" },
      subject: "server",
      message: "something happened",
      before: null,
      after: null,
      ...wish,
      seq: ++this.#lastSeq,
    };
    this.spool.push(event);
    this.#push("events", { push: "event", data: event });
    return event;
  }

  outage(outage: Outage): void {
    const at = this.outages.findIndex((known) => known.id === outage.id);
    if (at === -1) this.outages.push(outage);
    else this.outages[at] = outage;
    this.#push("outages", { push: "outage", data: outage });
  }

  setStatus(status: Status): void {
    this.status = status;
    this.#push("status", { push: "status", data: status });
  }

  /** Sends a line as it is, to all. */
  sendRaw(line: string): void {
    for (const socket of this.#sockets) socket.write(line);
  }

  #push(kind: "status" | "events" | "outages", message: unknown): void {
    for (const subscriber of this.#subscribers.values()) {
      if (subscriber[kind]) subscriber.socket.write(`${JSON.stringify(message)}\n`);
    }
  }

  #accept(socket: Socket): void {
    const lines = new JsonLines();
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#subscribers.delete(socket);
    });
    socket.on("data", (chunk) => {
      for (const value of lines.push(chunk)) void this.#answer(socket, LocalRequest.parse(value));
    });
  }

  async #answer(socket: Socket, request: z.output<typeof LocalRequest>): Promise<void> {
    const { id, method, params, actor } = request;
    try {
      const result = await this.#carryOut(socket, method, params, actor);
      socket.write(`${JSON.stringify({ id, result: result ?? null })}\n`);
    } catch (error) {
      const failure = error instanceof Failure ? error : new Failure("internal", String(error));
      const { code, message, hint } = failure;
      socket.write(`${JSON.stringify({ id, error: { code, message, hint } })}\n`);
    }
  }

  #carryOut(socket: Socket, method: string, params: unknown, actor: Actor): unknown {
    if (method in processMessages) {
      return this.#hear(socket, method as ProcessMessageName, params, actor);
    }
    const handler = this.#handlers.get(method);
    if (!handler) throw new Failure("refused", `the fake data path has no answer to ${method}`);
    return handler(commands[method as CommandName].parse(params) as never, actor);
  }

  #hear(socket: Socket, name: ProcessMessageName, params: unknown, actor: Actor): void {
    switch (name) {
      case "hello":
        this.hellos.push(processMessages.hello.parse(params));
        return;
      case "subscribe":
        this.#subscribe(socket, processMessages.subscribe.parse(params));
        return;
      case "events.taken": {
        const { seq } = processMessages["events.taken"].parse(params);
        this.taken.push(seq);
        while (this.spool[0] && this.spool[0].seq <= seq) this.spool.shift();
        return;
      }
      case "event.report": {
        const report: Report = processMessages["event.report"].parse(params);
        this.event({ ...report, actor });
      }
    }
  }

  #subscribe(socket: Socket, wish: z.output<typeof processMessages.subscribe>): void {
    const { eventsAfter } = wish;
    this.#subscribers.set(socket, {
      socket,
      status: wish.status !== undefined,
      events: eventsAfter !== undefined,
      outages: wish.outages,
    });
    if (wish.status) socket.write(`${JSON.stringify({ push: "status", data: this.status })}\n`);
    if (eventsAfter === undefined) return;
    for (const event of this.spool) {
      if (event.seq > eventsAfter) {
        socket.write(`${JSON.stringify({ push: "event", data: event })}\n`);
      }
    }
  }
}
