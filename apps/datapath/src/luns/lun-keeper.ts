/**
 * Keeps the LUNs (SPEC C1, C2, S1): carries out operators' wishes about them, and has each primary copy open on one
 * worker.
 */
import { randomUUID } from "node:crypto";
import type { LoginHandoff } from "@lockstep/iscsi";
import {
  type Actor,
  type CommandParams,
  type EventKind,
  Failure,
  formatSize,
  LOGICAL_BLOCK_BYTES,
  type Lun,
  type LunState,
  MAX_LUN_BYTES,
  MIN_LUN_BYTES,
} from "@lockstep/model";
import type { LunNotice, LunOffer } from "../link/control-messages.ts";
import {
  DEFAULT_JOURNAL_LIMIT_BYTES,
  type LunRecord,
  MIN_JOURNAL_LIMIT_BYTES,
} from "../records.ts";
import { SYSTEM, type TellEvent } from "../tell-event.ts";
import type { LunFacts } from "../threads/messages.ts";
import type { WorkerHandle, Workers } from "../threads/workers.ts";
import { makeBacking, removeBacking } from "./lun-backing.ts";
import {
  type LunEntry,
  type LunSurroundings,
  lunNotice,
  lunOffer,
  lunSpec,
  lunView,
} from "./lun-entry.ts";
import type { LunTable } from "./lun-table.ts";

export interface LunKeeperOptions {
  table: LunTable;
  workers: Workers;
  around(): LunSurroundings;
  /** Whether a peer is paired, and why not. */
  noPeer(): Failure | null;
  /** Offers a LUN to the peer where the control channel is up. */
  offer(offer: LunOffer): Promise<void>;
  notify(notice: LunNotice): void;
  /** Has a mirror copy closed in the connection threads. */
  forgetCopy(uuid: string): Promise<void>;
  event: TellEvent;
  outage(entry: LunEntry, facts: LunFacts): void;
  changed(): void;
}

export class LunKeeper {
  private readonly options: LunKeeperOptions;
  private readonly table: LunTable;
  /** Wishes that the peer has a part in come one after another too: those of both servers must not wait for each other. */
  private sharedTurn: Promise<unknown> = Promise.resolve();

  constructor(options: LunKeeperOptions) {
    this.options = options;
    this.table = options.table;
  }

  /** Opens all primary copies on their workers. */
  async open(): Promise<void> {
    for (const entry of this.table.all()) {
      if (entry.record.role === "primary") await this.openOn(entry, this.leastLoaded(), false);
    }
  }

  views(): Lun[] {
    const around = this.options.around();
    return [...this.table.all()]
      .map((entry) => lunView(entry, around))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  view(name: string): Lun {
    return lunView(this.table.named(name), this.options.around());
  }

  /** Gives a host's login to the worker that has the LUN; one of a LUN that just moves goes there after the move. */
  async route(handoff: LoginHandoff): Promise<void> {
    if (this.workerOf(handoff.targetName) === null) await this.table.settled;
    // Where there is no such target any worker can say so.
    const worker = this.workerOf(handoff.targetName) ?? this.options.workers.at(0);
    worker.tell({ note: "session", handoff });
  }

  private workerOf(iqn: string): WorkerHandle | null {
    for (const entry of this.table.all()) {
      if (entry.worker !== null && this.spec(entry).iqn === iqn) {
        return this.options.workers.at(entry.worker);
      }
    }
    return null;
  }

  /** The iSCSI names of all that hosts can reach. */
  targets(): string[] {
    return [...this.table.primaries()].map((entry) => this.spec(entry).iqn);
  }

  get isAnyMirrored(): boolean {
    return [...this.table.primaries()].some((entry) => entry.record.designated);
  }

  // --- wishes -------------------------------------------------------------------------------------------------------

  create(wish: CommandParams<"lun.create">, actor: Actor): Promise<Lun> {
    return this.table.inTurn(async () => {
      checkSize(wish.size);
      this.table.checkName(wish.name);
      const record: LunRecord = {
        uuid: randomUUID(),
        name: wish.name,
        number: wish.number ?? 0,
        sizeBytes: wish.size,
        role: "primary",
        mode: "sync",
        designated: false,
        paused: false,
        writeCache: true,
        journalLimitBytes: DEFAULT_JOURNAL_LIMIT_BYTES,
        backing: { kind: "file", path: "" },
      };
      const folder = this.table.folder(record);
      await makeBacking(record, folder, wish.backing ?? null, wish.existing);
      const entry = this.table.add(record);
      await this.table.save();
      await this.openOn(entry, this.leastLoaded(), false);
      this.audit("lun-created", actor, entry, `LUN "${record.name}" was created`, null, record);
      return this.view(record.name);
    });
  }

  resize(name: string, sizeBytes: number, actor: Actor): Promise<Lun> {
    return this.table.inTurn(async () => {
      checkSize(sizeBytes);
      const entry = this.table.primary(name);
      if (entry.record.designated) {
        throw new Failure(
          "refused",
          `"${name}" is mirrored, and a mirrored LUN can't be resized yet`,
          "turn mirroring off, resize, delete the copy on the peer, and turn it on again (this copies it in full)",
        );
      }
      const before = { ...entry.record };
      await this.worker(entry).call("lun-resize", { uuid: entry.record.uuid, sizeBytes });
      entry.record = { ...entry.record, sizeBytes };
      await this.table.save();
      const message = `LUN "${name}" was resized to ${formatSize(sizeBytes)}`;
      this.audit("lun-resized", actor, entry, message, before, entry.record);
      return this.view(name);
    });
  }

  delete(name: string, actor: Actor): Promise<null> {
    return this.table.inTurn(async () => {
      const entry = this.table.named(name);
      const { record } = entry;
      if (record.designated) {
        const primary = record.role === "primary";
        throw new Failure(
          "refused",
          primary ? `"${name}" is mirrored` : `"${name}" is the mirror of a LUN of the peer`,
          primary
            ? `run \`lockstep lun mirror ${name} off\` first`
            : "turn mirroring off at its primary first",
        );
      }
      if (entry.worker !== null) await this.worker(entry).call("lun-close", { uuid: record.uuid });
      this.table.remove(record.uuid);
      await this.table.save();
      if (record.role === "mirror") await this.options.forgetCopy(record.uuid);
      const ownBacking = await removeBacking(record, this.table.folder(record));
      const kept = ownBacking ? "" : `; its backing ${record.backing.path} was left`;
      this.audit("lun-deleted", actor, entry, `LUN "${name}" was deleted${kept}`, record, null);
      return null;
    });
  }

  mirror(name: string, on: boolean, actor: Actor): Promise<Lun> {
    return this.inSharedTurn(async () => {
      const entry = this.table.primary(name);
      if (entry.record.designated === on) return this.view(name);
      const noPeer = this.options.noPeer();
      if (on && noPeer !== null) throw noPeer;
      if (on) await this.options.offer({ ...lunOffer(entry.record), designated: true });
      await this.table.inTurn(() => this.designate(name, on, actor));
      if (!on) await this.options.offer(lunOffer(entry.record)).catch(() => undefined);
      return this.view(name);
    });
  }

  /**
   * The record says "designated" only while the mark is of this designation (SPEC R1): a start must not take a mark of an
   * earlier one at its word.
   */
  private async designate(name: string, on: boolean, actor: Actor): Promise<void> {
    const entry = this.table.primary(name);
    const before = entry.record;
    const { uuid } = before;
    const record = { ...before, designated: on, paused: false };
    if (on) await this.worker(entry).call("lun-designate", { uuid, on });
    entry.record = record;
    entry.trouble = null;
    try {
      await this.table.save();
    } catch (error) {
      entry.record = before;
      if (on) await this.worker(entry).call("lun-designate", { uuid, on: false });
      throw error;
    }
    if (!on) await this.worker(entry).call("lun-designate", { uuid, on });
    const message = `LUN "${name}" is ${on ? "now" : "no longer"} designated as mirrored`;
    this.audit("lun-changed", actor, entry, message, before, record);
  }

  /** Changes what can be changed while hosts write (SPEC C1). */
  set(
    name: string,
    change: Partial<Pick<LunRecord, "mode" | "writeCache" | "journalLimitBytes">>,
    actor: Actor,
  ): Promise<Lun> {
    return this.inSharedTurn(async () => {
      const limit = change.journalLimitBytes;
      if (limit !== undefined && limit < MIN_JOURNAL_LIMIT_BYTES) {
        throw new Failure(
          "usage",
          `a journal limit of ${formatSize(limit)} is less than the least, ${formatSize(MIN_JOURNAL_LIMIT_BYTES)}`,
        );
      }
      const offer = await this.table.inTurn(async () => {
        const entry = this.table.primary(name);
        const before = { ...entry.record };
        entry.record = { ...entry.record, ...change };
        const { uuid, mode, writeCache, journalLimitBytes } = entry.record;
        await this.table.save();
        this.worker(entry).tell({ note: "lun-set", uuid, mode, writeCache, journalLimitBytes });
        const what = Object.entries(change)
          .map(([key, value]) => `${key} ${value}`)
          .join(", ");
        this.audit("lun-changed", actor, entry, `LUN "${name}": ${what}`, before, entry.record);
        return lunOffer(entry.record);
      });
      if (offer.designated) await this.options.offer(offer).catch(() => undefined);
      return this.view(name);
    });
  }

  pause(name: string, paused: boolean, actor: Actor): Promise<Lun> {
    return this.table.inTurn(async () => {
      const entry = this.table.primary(name);
      if (!entry.record.designated) {
        throw new Failure("refused", `"${name}" is not mirrored, so there is nothing to pause`);
      }
      if (entry.record.paused === paused) return this.view(name);
      const before = { ...entry.record };
      entry.record = { ...entry.record, paused };
      await this.table.save();
      this.worker(entry).tell({ note: "lun-pause", uuid: entry.record.uuid, paused });
      const message = `mirroring of LUN "${name}" was ${paused ? "paused" : "resumed"}`;
      this.audit("lun-changed", actor, entry, message, before, entry.record);
      return this.view(name);
    });
  }

  // --- threads ------------------------------------------------------------------------------------------------------

  facts(facts: LunFacts): void {
    const entry = this.table.get(facts.uuid);
    if (entry === undefined) return;
    const before = entry.facts;
    entry.facts = facts;
    if (before !== null && before.state !== facts.state) {
      const severity = WORSE.has(facts.state) ? "warning" : "info";
      const message = `LUN "${entry.record.name}" went from ${before.state} to ${facts.state}`;
      this.options.event("lun-state", severity, SYSTEM, entry.record.name, message, null, null);
    }
    this.options.outage(entry, facts);
    const notice = entry.record.designated ? lunNotice(entry) : null;
    if (notice !== null) this.options.notify(notice);
    this.options.changed();
  }

  /** Moves LUNs off the workers from `count` on, with their sessions (SPEC S1). */
  evacuate(count: number): Promise<void> {
    return this.table.inTurn(async () => {
      for (const entry of this.table.primaries()) {
        if (entry.worker === null || entry.worker < count) continue;
        const { drained } = await this.worker(entry).call("lun-yield", { uuid: entry.record.uuid });
        entry.worker = null;
        const index = this.leastLoaded(count);
        await this.openOn(entry, index, true);
        this.options.workers.at(index).tell({ note: "sessions", drained });
      }
    });
  }

  // --- common -------------------------------------------------------------------------------------------------------

  private inSharedTurn<T>(wish: () => Promise<T>): Promise<T> {
    const result = this.sharedTurn.then(wish);
    this.sharedTurn = result.catch(() => undefined);
    return result;
  }

  private async openOn(entry: LunEntry, index: number, moved: boolean): Promise<void> {
    const { uuid, paused } = entry.record;
    const worker = this.options.workers.at(index);
    await worker.call("lun-open", { spec: this.spec(entry), moved });
    entry.worker = index;
    if (paused) worker.tell({ note: "lun-pause", uuid, paused });
  }

  private leastLoaded(count = this.options.workers.count): number {
    const load = Array.from({ length: count }, () => 0);
    for (const { worker } of this.table.all()) {
      if (worker !== null && worker < count) load[worker] = (load[worker] ?? 0) + 1;
    }
    return load.indexOf(Math.min(...load));
  }

  private worker(entry: LunEntry): WorkerHandle {
    if (entry.worker === null)
      throw new Failure("unavailable", `"${entry.record.name}" is not open`);
    return this.options.workers.at(entry.worker);
  }

  private spec(entry: LunEntry): ReturnType<typeof lunSpec> {
    return lunSpec(entry, this.options.around().server, this.table.folder(entry.record));
  }

  private audit(
    kind: EventKind,
    actor: Actor,
    entry: LunEntry,
    message: string,
    before: LunRecord | null,
    after: LunRecord | null,
  ): void {
    this.options.event(kind, "info", actor, entry.record.name, message, before, after);
  }
}

/** What an operator should look at. */
const WORSE: ReadonlySet<LunState> = new Set(["queueing", "stopped", "split-brain"]);

function checkSize(sizeBytes: number): void {
  if (sizeBytes < MIN_LUN_BYTES || sizeBytes > MAX_LUN_BYTES) {
    const least = formatSize(MIN_LUN_BYTES);
    throw new Failure("usage", `a LUN has ${least} to ${formatSize(MAX_LUN_BYTES)}`);
  }
  if (sizeBytes % LOGICAL_BLOCK_BYTES !== 0) {
    throw new Failure("usage", `a LUN's size is a multiple of ${LOGICAL_BLOCK_BYTES} bytes`);
  }
}
