/**
 * One client of the local socket (model's `local-protocol.ts`): takes its requests in, sends answers and pushes out.
 * Everything is bounded: lines, requests under way, bytes not read by the client. Status is pushed as it stands when it is
 * its turn, an outage as it stands, events one by one from the log without a gap, so a slow client only gets less often.
 */
import type { Socket } from "node:net";
import {
  type Actor,
  type CommandName,
  commands,
  Failure,
  type LocalAnswer,
  type LocalMessage,
  LocalRequest,
  MAX_LINE_BYTES,
  type Outage,
  type ProcessMessageName,
  processMessages,
} from "@lockstep/model";
import type { z } from "zod";
import { LineSplitter } from "./json-lines.ts";
import type { LocalSocketOptions } from "./local-socket.ts";

/** Requests of one client under way; beyond it no more are read. */
const MAX_PENDING = 64;
/** Unsent bytes of one client, beyond which pushes wait. */
const PUSH_BYTES = 2 ** 20;
/** Unsent bytes of one client, beyond which it is dropped. */
const MAX_UNSENT_BYTES = 4 * MAX_LINE_BYTES;

const CLOSE_MS = 1_000;

export type Hello = z.output<typeof processMessages.hello>;
type Subscription = z.output<typeof processMessages.subscribe>;

export class LocalSession {
  /** Which process this is, once it has said so. */
  hello: Hello | null = null;
  readonly #socket: Socket;
  readonly #options: LocalSocketOptions;
  readonly #helloChanged: (session: LocalSession) => void;
  readonly #lines = new LineSplitter(MAX_LINE_BYTES);
  readonly #outages = new Map<string, Outage>();
  #waiting: string[] = [];
  #pending = 0;
  #subscription: Subscription | null = null;
  #lastSeq = 0;
  #statusAtMs = 0;
  #statusDue = false;
  #statusTimer: NodeJS.Timeout | null = null;
  #unsubscribe: (() => void)[] = [];

  constructor(
    socket: Socket,
    options: LocalSocketOptions,
    helloChanged: (session: LocalSession) => void,
  ) {
    this.#socket = socket;
    this.#options = options;
    this.#helloChanged = helloChanged;
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("drain", () => this.#push());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#stopPushes());
  }

  /** The status may have changed. */
  changed(): void {
    if (!this.#subscription?.status) return;
    this.#statusDue = true;
    this.#push();
  }

  /** Ends it once what was said is sent, or the client has had time enough to read. */
  close(): void {
    this.#socket.destroySoon();
    setTimeout(() => this.#socket.destroy(), CLOSE_MS).unref();
  }

  // --- requests -----------------------------------------------------------------------------------------------------

  #receive(chunk: Buffer): void {
    const lines = this.#lines.push(chunk);
    if (lines === null) {
      this.#socket.destroy();
      return;
    }
    this.#waiting.push(...lines);
    this.#serve();
  }

  #serve(): void {
    while (this.#pending < MAX_PENDING && !this.#socket.destroyed) {
      const line = this.#waiting.shift();
      if (line === undefined) {
        this.#socket.resume();
        return;
      }
      const request = LocalRequest.safeParse(parse(line));
      if (!request.success) {
        // Whoever does not speak the protocol gets no answer that it could tell from another.
        this.#socket.destroy();
        return;
      }
      this.#pending++;
      void this.#answer(request.data as LocalRequest);
    }
    this.#socket.pause();
  }

  async #answer(request: LocalRequest): Promise<void> {
    const { id, method, params, actor } = request;
    let answer: LocalAnswer;
    try {
      answer = { id, result: (await this.#perform(method, params, actor)) ?? null };
    } catch (error) {
      const { code, message, hint } = this.#failure(error);
      answer = { id, error: { code, message, hint } };
    }
    this.#pending--;
    this.#send(answer);
    this.#serve();
  }

  #perform(method: string, params: unknown, actor: Actor): unknown {
    if (isCommand(method)) {
      const handler = this.#options.handlers[method] as (params: unknown, actor: Actor) => unknown;
      return handler(checked(method, commands[method], params), actor);
    }
    switch (method as ProcessMessageName) {
      case "hello":
        this.hello = checked(method, processMessages.hello, params);
        this.#helloChanged(this);
        return null;
      case "subscribe":
        this.#subscribe(checked(method, processMessages.subscribe, params));
        return null;
      case "events.taken":
        this.#options.events.taken(checked(method, processMessages["events.taken"], params).seq);
        return null;
      case "event.report": {
        const event = checked(method, processMessages["event.report"], params);
        this.#options.events.append({ ...event, actor });
        return null;
      }
      default:
        throw new Failure("usage", `there is no command "${method}"`);
    }
  }

  #failure(error: unknown): Failure {
    if (error instanceof Failure) return error;
    this.#options.failed(error);
    return new Failure("internal", "the data path failed at this; its log says more");
  }

  // --- pushes -------------------------------------------------------------------------------------------------------

  #subscribe(subscription: Subscription): void {
    this.#stopPushes();
    this.#subscription = subscription;
    const { events, outages } = this.#options;
    if (subscription.eventsAfter !== undefined) {
      this.#lastSeq = subscription.eventsAfter;
      events.seen(subscription.eventsAfter);
      this.#unsubscribe.push(events.subscribe(() => this.#push()));
    }
    if (subscription.outages) {
      this.#unsubscribe.push(
        outages.subscribe((outage) => {
          this.#outages.set(outage.id, outage);
          this.#push();
        }),
      );
    }
    this.#statusAtMs = 0;
    this.#statusDue = subscription.status !== undefined;
    // After the answer to `subscribe`.
    setImmediate(() => this.#push());
  }

  #stopPushes(): void {
    for (const stop of this.#unsubscribe.splice(0)) stop();
    if (this.#statusTimer) clearTimeout(this.#statusTimer);
    this.#statusTimer = null;
    this.#subscription = null;
    this.#outages.clear();
  }

  /** Sends what is due for as long as the client reads it; "drain" calls again. */
  #push(): void {
    if (!this.#subscription) return;
    this.#pushStatus(this.#subscription.status?.intervalMs ?? 0);
    for (const [id, outage] of this.#outages) {
      if (this.#busy) return;
      this.#outages.delete(id);
      this.#send({ push: "outage", data: outage });
    }
    if (this.#subscription?.eventsAfter !== undefined) this.#pushEvents();
  }

  #pushStatus(intervalMs: number): void {
    if (!this.#statusDue || this.#statusTimer || this.#busy) return;
    const waitMs = this.#statusAtMs + intervalMs - performance.now();
    if (this.#statusAtMs > 0 && waitMs > 0) {
      this.#statusTimer = setTimeout(() => {
        this.#statusTimer = null;
        this.#push();
      }, Math.ceil(waitMs));
      return;
    }
    this.#statusDue = false;
    this.#statusAtMs = performance.now();
    this.#send({ push: "status", data: this.#options.snapshot() });
  }

  #pushEvents(): void {
    while (!this.#busy) {
      const { lost, events } = this.#options.events.after(this.#lastSeq);
      if (lost) this.#send({ push: "events-lost", data: lost });
      for (const event of events) {
        this.#send({ push: "event", data: event });
        this.#lastSeq = event.seq;
      }
      if (events.length === 0) return;
    }
  }

  get #busy(): boolean {
    return this.#socket.destroyed || this.#socket.writableLength > PUSH_BYTES;
  }

  #send(message: LocalMessage): void {
    if (this.#socket.destroyed) return;
    let line = JSON.stringify(message);
    if (Buffer.byteLength(line) > MAX_LINE_BYTES && "id" in message) {
      const failure = new Failure("internal", "the answer is too long; ask for less");
      const { code, hint } = failure;
      line = JSON.stringify({ id: message.id, error: { code, message: failure.message, hint } });
    }
    this.#socket.write(`${line}\n`);
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) this.#socket.destroy();
  }
}

function isCommand(method: string): method is CommandName {
  return Object.hasOwn(commands, method);
}

/** The parameters as the schema has them, or one sentence about the first that is wrong. */
function checked<S extends z.ZodType>(method: string, schema: S, params: unknown): z.output<S> {
  const result = schema.safeParse(params ?? {});
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue && issue.path.length > 0 ? ` ${issue.path.join(".")}:` : "";
  throw new Failure("usage", `${method}:${where} ${issue?.message ?? "wrong parameters"}`);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
