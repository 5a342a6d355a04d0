/** The test server's appliance: the API's context interfaces over the scenario, with commands that take effect. */
import type { Appliance, History, StatusView } from "@lockstep/api";
import {
  type Actor,
  type CommandName,
  type CommandParams,
  type CommandResults,
  type Event,
  Failure,
  type Finding,
  type Lun,
  LunId,
  type Outage,
  targetIqn,
} from "@lockstep/model";
import { pastEvents, pastOutages } from "./past.ts";
import { Scenario } from "./scenario.ts";

const TICK_MS = 100;
const PUSH_MS = 250;

/** Values as they come, for each reader apart; a slow reader misses none. */
class Feed<Value> {
  readonly #readers = new Set<(value: Value) => void>();

  push(value: Value): void {
    for (const reader of this.#readers) reader(value);
  }

  async *read(signal: AbortSignal): AsyncIterable<Value> {
    const waiting: Value[] = [];
    let wake = () => {};
    const reader = (value: Value) => {
      waiting.push(value);
      wake();
    };
    this.#readers.add(reader);
    signal.addEventListener("abort", () => wake());
    try {
      while (!signal.aborted) {
        const next = waiting.shift();
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.#readers.delete(reader);
    }
  }
}

export class TestAppliance implements Appliance, History {
  readonly scenario: Scenario;
  dataPath: StatusView["dataPath"] = "connected";
  readonly #events: Event[];
  readonly #past: Outage[];
  readonly #views = new Feed<StatusView>();
  readonly #newEvents = new Feed<Event>();
  readonly #newOutages = new Feed<Outage>();
  readonly #timers: NodeJS.Timeout[];
  #at = new Date().toISOString();

  constructor(nowMs: number) {
    this.scenario = new Scenario(nowMs);
    this.#events = pastEvents(nowMs, 340);
    this.#past = pastOutages(nowMs);
    this.#timers = [
      setInterval(() => this.#tick(), TICK_MS),
      setInterval(() => this.dataPath === "connected" && this.changed(), PUSH_MS),
    ];
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  changed(): void {
    this.#views.push(this.view());
  }

  #tick(): void {
    if (this.dataPath === "away") return;
    const before = this.scenario.status.link.state;
    this.#at = new Date().toISOString();
    for (const outage of this.scenario.tick(Date.now())) this.#newOutages.push(outage);
    const { state } = this.scenario.status.link;
    if (state === before) return;
    const severity = state === "interrupted" ? "warning" : "info";
    this.event("link-state", severity, "link", `the link is ${state}`, before, state);
  }

  event(
    kind: Event["kind"],
    severity: Event["severity"],
    subject: string,
    message: string,
    before: unknown = null,
    after: unknown = null,
    actor: Actor = { who: "system", from: "data path" },
  ): void {
    const seq = (this.#events.at(-1)?.seq ?? 0) + 1;
    const at = new Date().toISOString();
    const event: Event = { seq, at, kind, severity, actor, subject, message, before, after };
    this.#events.push(event);
    this.#newEvents.push(event);
  }

  view(): StatusView {
    return { dataPath: this.dataPath, status: structuredClone(this.scenario.status), at: this.#at };
  }

  async *watchStatus(signal: AbortSignal): AsyncIterable<StatusView> {
    yield this.view();
    yield* this.#views.read(signal);
  }

  watchEvents(_after: number | null, signal: AbortSignal): AsyncIterable<Event> {
    return this.#newEvents.read(signal);
  }

  watchOutages(signal: AbortSignal): AsyncIterable<Outage> {
    return this.#newOutages.read(signal);
  }

  async events(query: Parameters<History["events"]>[0]): ReturnType<History["events"]> {
    const { before, kinds, severities, subject, limit } = query;
    const events = this.#events
      .filter(
        (event) =>
          (before === null || event.seq < before) &&
          (kinds === null || kinds.includes(event.kind)) &&
          (severities === null || severities.includes(event.severity)) &&
          (subject === null || event.subject === subject),
      )
      .toReversed()
      .slice(0, limit);
    return { events, source: "database" };
  }

  async outages({ lun, limit }: Parameters<History["outages"]>[0]): ReturnType<History["outages"]> {
    const outages = [...this.scenario.outages.values(), ...this.#past]
      .filter((outage) => lun === null || outage.lun === lun)
      .toSorted((a, b) => Date.parse(b.detectedAt) - Date.parse(a.detectedAt))
      .slice(0, limit);
    return { outages, source: "database" };
  }

  async outage(id: string): Promise<Outage> {
    const { outages } = await this.outages({ lun: null, limit: 1000, before: null, open: false });
    const found = outages.find((outage) => outage.id === id);
    if (!found) throw new Failure("not-found", `there is no outage ${id}`);
    return found;
  }

  async command<C extends CommandName>(
    name: C,
    params: unknown,
    actor: Actor,
  ): Promise<CommandResults[C]> {
    const verbs: Partial<Record<CommandName, (given: never) => unknown>> = {
      "lun.create": (given: CommandParams<"lun.create">) => this.#create(given),
      "lun.delete": (given: CommandParams<"lun.delete">) => this.#remove(given.name),
      "lun.resize": (given: CommandParams<"lun.resize">) =>
        this.#change(given.name, { sizeBytes: given.size }),
      "lun.mode": (given: CommandParams<"lun.mode">) =>
        this.#change(given.name, { mode: given.mode }),
      "lun.mirror": ({ name: lun, on }: CommandParams<"lun.mirror">) =>
        this.#change(lun, {
          designated: on,
          state: on ? "mirrored" : "unmirrored",
          reason: null,
          progress: null,
        }),
      "lun.pause": (given: CommandParams<"lun.pause">) =>
        this.#change(given.name, { state: "paused", reason: `Paused by ${actor.who}.` }),
      "lun.resume": (given: CommandParams<"lun.resume">) =>
        this.#change(given.name, { state: "mirrored", reason: null }),
      "lun.set": ({ name: lun, journalLimit, writeCache }: CommandParams<"lun.set">) =>
        this.#change(lun, {
          ...(writeCache === undefined ? {} : { writeCache }),
          ...(journalLimit === undefined
            ? {}
            : { journal: { ...this.#find(lun).journal, limitBytes: journalLimit } }),
        }),
      "link.set": (given: CommandParams<"link.set">) => this.#settings(given, actor),
      "drill.start": (given: CommandParams<"drill.start">) => this.#drill(given.seconds),
      "drill.stop": () => this.#drill(null),
      "peer.invite": () => ({
        code: "LS1-10.20.0.11:7410-q7Zk2mWv8cYp4RtB6nHs3dXj",
        expiresAt: new Date(Date.now() + 600_000).toISOString(),
      }),
      "peer.join": () => {
        throw new Failure(
          "unreachable",
          "10.20.0.11:7410 does not answer",
          "is the other server running, and is the port open?",
        );
      },
      doctor: () => findings,
    };
    const verb = verbs[name];
    if (!verb) throw new Failure("unavailable", `the test server does not know ${name}`);
    const result = verb(params as never) as CommandResults[C];
    this.changed();
    return result;
  }

  #find(name: string): Lun {
    const found = this.scenario.status.luns.find((lun) => lun.name === name);
    if (!found) throw new Failure("not-found", `there is no LUN ${name}`);
    return found;
  }

  #change(name: string, part: Partial<Lun>): Lun {
    const lun = this.#find(name);
    const before = structuredClone({ ...lun });
    Object.assign(lun, part);
    const kept = Object.fromEntries(
      Object.keys(part).map((key) => [key, before[key as keyof Lun]]),
    );
    this.event("lun-changed", "info", name, `LUN ${name} was changed`, kept, part, {
      who: "admin",
      from: "127.0.0.1",
    });
    return lun;
  }

  #create({ name, size, number }: CommandParams<"lun.create">): Lun {
    if (this.scenario.status.luns.some((lun) => lun.name === name)) {
      throw new Failure("exists", `there is a LUN ${name} already`, "choose another name");
    }
    const first = this.#find("archive");
    const lun: Lun = {
      ...structuredClone(first),
      name,
      uuid: LunId.parse(crypto.randomUUID()),
      number: number ?? 0,
      sizeBytes: size,
      designated: false,
      mode: "sync",
      state: "unmirrored",
      reason: null,
      target: { iqn: targetIqn("alpha", name), portals: first.target.portals },
      backing: { kind: "file", path: `/var/lib/lockstep/luns/${name}.img` },
    };
    this.scenario.status.luns.push(lun);
    this.event("lun-created", "info", name, `LUN ${name} was created`, null, {
      name,
      sizeBytes: size,
    });
    return lun;
  }

  #remove(name: string): null {
    this.scenario.status.luns = this.scenario.status.luns.filter((lun) => lun.name !== name);
    return null;
  }

  #settings(patch: CommandParams<"link.set">, actor: Actor) {
    const { link } = this.scenario.status;
    const before = link.settings;
    const given = Object.fromEntries(
      Object.entries(patch).filter(([, value]) => value !== undefined),
    );
    link.settings = { ...before, ...given };
    link.settingsVersion++;
    this.event(
      "link-settings",
      "info",
      "link",
      "the link's settings were changed",
      before,
      link.settings,
      actor,
    );
    return link;
  }

  #drill(seconds: number | null) {
    this.scenario.drill(seconds, Date.now());
    return this.scenario.status.link;
  }
}

const findings: Finding[] = [
  { severity: "ok", subject: "clock", message: "synchronised, 0.4 ms off", remedy: null },
  {
    severity: "warning",
    subject: "network",
    message: "both directions of the link share one interface, eth1",
    remedy: "give heartbeats a path of their own",
  },
  {
    severity: "ok",
    subject: "data folder",
    message: "212 GiB free on ext4, holes can be punched",
    remedy: null,
  },
];
