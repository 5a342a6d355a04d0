/**
 * One server's link in a simulation: the production machine, and around it in few words what heartbeat threads, stable
 * record and control channel do: silence after T1, "I don't hear you", closed marks by epoch, a record that takes time.
 */
import { type LinkEffect, type LinkEvent, LinkMachine, type PeerView } from "../link-machine.ts";

/** Milliseconds. */
export const TIMES = { t1: 20, t2: 5, probation: 60 } as const;

export interface Heartbeat {
  boot: number;
  view: Omit<PeerView, "hearsUs">;
  /** The receiver's boot that the sender heard last; null while it hears none. */
  hears: number | null;
  epoch: number;
  closed: boolean;
}

export interface LinkSideWorld {
  now(): number;
  persistMs(): number;
  after(ms: number, task: () => void): void;
  effect(side: LinkSide, effect: LinkEffect): void;
}

export class LinkSide {
  readonly name: string;
  machine: LinkMachine;
  /** The number that the disk holds. */
  stable: number;
  boot = 1;
  /** The epoch that the connection arrays are armed for. */
  armed = 0;
  lastInterruptedAt = Number.NEGATIVE_INFINITY;
  interruptions = 0;
  /** Connections made under which epoch; 0: none. */
  outgoing = 0;
  incoming = 0;
  /** The epoch whose connections are wanted; 0: none. */
  wanted = 0;
  private readonly world: LinkSideWorld;
  private hearing: "idle" | "hearing" | "silent" = "idle";
  private heardAt = 0;
  private peerBoot = 0;
  private toldState: "unknown" | "heard" | "lost" = "unknown";
  private marked = { silence: 0, told: 0 };
  private reported = "";
  private highest = 0;
  private persistedAt = 0;

  constructor(name: string, outageNumber: number, world: LinkSideWorld) {
    this.name = name;
    this.stable = outageNumber;
    this.machine = new LinkMachine(outageNumber);
    this.world = world;
  }

  step(event: LinkEvent): void {
    const effects = this.machine.step(event, this.world.now(), TIMES.probation);
    const number = this.machine.outageNumber;
    if (number < this.highest) throw new Error(`${this.name}'s number fell to ${number}`);
    this.highest = number;
    for (const effect of effects) {
      if (effect.do === "persist") this.persist(effect.outageNumber);
      this.world.effect(this, effect);
    }
  }

  /** The process ends, by force, and is there again: what was not stable is forgotten. */
  restart(): void {
    this.boot++;
    this.machine = new LinkMachine(this.stable);
    this.highest = this.stable;
    this.hearing = "idle";
    this.heardAt = 0;
    this.peerBoot = 0;
    this.toldState = "unknown";
    this.armed = 0;
    this.marked = { silence: 0, told: 0 };
    this.reported = "";
    this.wanted = 0;
    this.step({ type: "started" });
  }

  arm(epoch: number): void {
    this.armed = Math.max(this.armed, epoch);
  }

  heartbeat(): Heartbeat {
    const { state, publishedNumber } = this.machine;
    return {
      boot: this.boot,
      view: { state, outageNumber: publishedNumber },
      hears: this.hearing === "hearing" ? this.peerBoot : null,
      epoch: this.armed,
      closed: this.marked.silence === this.armed && this.armed > 0,
    };
  }

  receive(heartbeat: Heartbeat): void {
    const now = this.world.now();
    const fresh = heartbeat.boot !== this.peerBoot;
    if (heartbeat.boot < this.peerBoot) return;
    const replaced = fresh && this.peerBoot !== 0;
    this.peerBoot = heartbeat.boot;
    this.heardAt = now;
    if (fresh) this.toldState = "unknown";
    if (replaced) {
      this.marked.silence = this.armed;
      this.interrupted("peer-restart");
    }
    if (this.hearing !== "hearing" || replaced) {
      this.hearing = "hearing";
      this.step({ type: "heard" });
    }
    const hearsUs = heartbeat.hears === this.boot;
    const marks = heartbeat.closed && heartbeat.epoch === this.armed;
    const newMarks = marks && this.marked.told !== this.armed && this.marked.silence !== this.armed;
    if (marks) this.marked.told = this.armed;
    const before = this.toldState;
    if (hearsUs) this.toldState = "heard";
    else if (before === "heard") this.toldState = "lost";
    const deaf = before === "heard" && !hearsUs;
    if (deaf || (newMarks && before !== "lost")) this.interrupted("one-way");
    const peer = { ...heartbeat.view, hearsUs };
    if (JSON.stringify(peer) === this.reported) return;
    this.reported = JSON.stringify(peer);
    this.step({ type: "peer", peer });
  }

  /** Looks at the age of what was heard (H3), and at the clock. */
  look(): void {
    const now = this.world.now();
    const silent = this.hearing === "silent";
    if (this.hearing === "hearing" && now - this.heardAt > TIMES.t1) {
      this.hearing = "silent";
      this.marked.silence = this.armed;
      this.interrupted("silence");
    } else if (silent && this.marked.silence !== this.armed) {
      this.marked.silence = this.armed;
      this.interrupted("silence");
    }
    const deadline = this.machine.deadline(TIMES.probation);
    if (deadline !== null && now >= deadline) this.step({ type: "tick" });
  }

  private interrupted(cause: "silence" | "one-way" | "peer-restart"): void {
    const now = this.world.now();
    if (this.machine.state !== "unpaired") {
      this.lastInterruptedAt = now;
      this.interruptions++;
    }
    this.step({ type: "interrupted", cause, begunAt: now, detectedAt: now });
  }

  private persist(outageNumber: number): void {
    const { boot } = this;
    const now = this.world.now();
    // One write after the other, as the stable file does it.
    this.persistedAt = Math.max(now, this.persistedAt) + this.world.persistMs();
    this.world.after(this.persistedAt - now, () => {
      if (boot !== this.boot) return;
      if (outageNumber < this.stable) throw new Error(`${this.name}'s stable number fell`);
      this.stable = outageNumber;
      this.step({ type: "persisted", outageNumber });
    });
  }
}
