/**
 * Keeps the LUNs (SPEC C1, C2, R5, S1): the stable table, the worker each belongs to, operators' wishes about them, and
 * the mirror copies that the peer offers.
 */
import { randomUUID } from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import { createFile } from "@lockstep/block";
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
  type Severity,
} from "@lockstep/model";
import type { LunNotice, LunOffer } from "../link/control-messages.ts";
import {
  DEFAULT_JOURNAL_LIMIT_BYTES,
  type LunRecord,
  MIN_JOURNAL_LIMIT_BYTES,
} from "../records.ts";
import type { CopySpec, LunFacts } from "../threads/messages.ts";
import type { WorkerHandle, Workers } from "../threads/workers.ts";
import {
  copySpec,
  type LunEntry,
  type LunSurroundings,
  lunNotice,
  lunOffer,
  lunSpec,
  lunView,
} from "./lun-entry.ts";

export interface LunKeeperOptions {
  dataFolder: string;
  workers: Workers;
  records: LunRecord[];
  save(records: LunRecord[]): Promise<void>;
  around(): LunSurroundings;
  /** Whether a peer is paired, and why not. */
  noPeer(): Failure | null;
  /** Offers a LUN to the peer where the control channel is up. */
  offer(offer: LunOffer): Promise<void>;
  notify(notice: LunNotice): void;
  /** Has a mirror copy closed in the connection threads. */
  forgetCopy(uuid: string): Promise<void>;
  event(
    kind: EventKind,
    severity: Severity,
    actor: Actor,
    subject: string,
    message: string,
    before: unknown,
    after: unknown,
  ): void;
  outage(entry: LunEntry, facts: LunFacts): void;
  changed(): void;
}

export class LunKeeper {
  private readonly options: LunKeeperOptions;
  private readonly entries = new Map<string, LunEntry>();
  /** Changes of the table are made one after another; none of them waits for the peer. */
  private turn: Promise<unknown> = Promise.resolve();
  /** So are wishes that the peer has a part in: those of both servers must not wait for each other. */
  private sharedTurn: Promise<unknown> = Promise.resolve();

  constructor(options: LunKeeperOptions) {
    this.options = options;
    for (const record of options.records) this.entries.set(record.uuid, newEntry(record));
  }

  /** Opens all primary copies on their workers. */
  async open(): Promise<void> {
    for (const entry of this.entries.values()) {
      if (entry.record.role === "primary") await this.openOn(entry, this.leastLoaded(), false);
    }
  }

  views(): Lun[] {
    const around = this.options.around();
    return [...this.entries.values()]
      .map((entry) => lunView(entry, around))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  view(name: string): Lun {
    return lunView(this.named(name), this.options.around());
  }

  /** Gives a host's login to the worker that has the LUN; one of a LUN that just moves goes there after the move. */
  async route(handoff: LoginHandoff): Promise<void> {
    if (this.workerOf(handoff.targetName) === null) await this.turn;
    // Where there is no such target any worker can say so.
    const worker = this.workerOf(handoff.targetName) ?? this.options.workers.at(0);
    worker.tell({ note: "session", handoff });
  }

  private workerOf(iqn: string): WorkerHandle | null {
    for (const entry of this.entries.values()) {
      if (entry.worker !== null && this.spec(entry).iqn === iqn) {
        return this.options.workers.at(entry.worker);
      }
    }
    return null;
  }

  iqnOf(entry: LunEntry): string {
    return this.spec(entry).iqn;
  }

  *primaries(): IterableIterator<LunEntry> {
    for (const entry of this.entries.values()) if (entry.record.role === "primary") yield entry;
  }

  // --- wishes -------------------------------------------------------------------------------------------------------

  create(wish: CommandParams<"lun.create">, actor: Actor): Promise<Lun> {
    return this.inTurn(async () => {
      checkSize(wish.size);
      this.checkName(wish.name);
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
      await this.makeBacking(record, wish.backing ?? null, wish.existing);
      const entry = newEntry(record);
      this.entries.set(record.uuid, entry);
      await this.save();
      await this.openOn(entry, this.leastLoaded(), false);
      this.audit("lun-created", actor, entry, `LUN "${record.name}" was created`, null, record);
      return this.view(record.name);
    });
  }

  resize(name: string, sizeBytes: number, actor: Actor): Promise<Lun> {
    return this.inTurn(async () => {
      checkSize(sizeBytes);
      const entry = this.primary(name);
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
      await this.save();
      const message = `LUN "${name}" was resized to ${formatSize(sizeBytes)}`;
      this.audit("lun-resized", actor, entry, message, before, entry.record);
      return this.view(name);
    });
  }

  delete(name: string, actor: Actor): Promise<null> {
    return this.inTurn(async () => {
      const entry = this.named(name);
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
      this.entries.delete(record.uuid);
      await this.save();
      if (record.role === "mirror") await this.options.forgetCopy(record.uuid);
      const ownBacking = record.backing.path.startsWith(`${this.folder(record)}${path.sep}`);
      await fs.rm(this.folder(record), { recursive: true, force: true });
      const kept = ownBacking ? "" : `; its backing ${record.backing.path} was left`;
      this.audit("lun-deleted", actor, entry, `LUN "${name}" was deleted${kept}`, record, null);
      return null;
    });
  }

  mirror(name: string, on: boolean, actor: Actor): Promise<Lun> {
    return this.inSharedTurn(async () => {
      const entry = this.primary(name);
      if (entry.record.designated === on) return this.view(name);
      const noPeer = this.options.noPeer();
      if (on && noPeer !== null) throw noPeer;
      if (on) await this.options.offer({ ...lunOffer(entry.record), designated: true });
      await this.inTurn(() => this.designate(name, on, actor));
      if (!on) await this.options.offer(lunOffer(entry.record)).catch(() => undefined);
      return this.view(name);
    });
  }

  /**
   * The record says "designated" only while the mark is of this designation (SPEC R1): a start must not take a mark of an
   * earlier one at its word.
   */
  private async designate(name: string, on: boolean, actor: Actor): Promise<void> {
    const entry = this.primary(name);
    const before = entry.record;
    const { uuid } = before;
    const record = { ...before, designated: on, paused: false };
    if (on) await this.worker(entry).call("lun-designate", { uuid, on });
    entry.record = record;
    entry.trouble = null;
    try {
      await this.save();
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
      const offer = await this.inTurn(async () => {
        const entry = this.primary(name);
        const before = { ...entry.record };
        entry.record = { ...entry.record, ...change };
        const { uuid, mode, writeCache, journalLimitBytes } = entry.record;
        await this.save();
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
    return this.inTurn(async () => {
      const entry = this.primary(name);
      if (!entry.record.designated) {
        throw new Failure("refused", `"${name}" is not mirrored, so there is nothing to pause`);
      }
      if (entry.record.paused === paused) return this.view(name);
      const before = { ...entry.record };
      entry.record = { ...entry.record, paused };
      await this.save();
      this.worker(entry).tell({ note: "lun-pause", uuid: entry.record.uuid, paused });
      const message = `mirroring of LUN "${name}" was ${paused ? "paused" : "resumed"}`;
      this.audit("lun-changed", actor, entry, message, before, entry.record);
      return this.view(name);
    });
  }

  // --- threads ------------------------------------------------------------------------------------------------------

  facts(facts: LunFacts): void {
    const entry = this.entries.get(facts.uuid);
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

  /** Tells the peer the state of all LUNs mirrored there: the channel is new. */
  notifyAll(): void {
    for (const entry of this.primaries()) {
      const notice = entry.record.designated ? lunNotice(entry) : null;
      if (notice !== null) this.options.notify(notice);
    }
  }

  /** Moves LUNs off the workers from `count` on, with their sessions (SPEC S1). */
  evacuate(count: number): Promise<void> {
    return this.inTurn(async () => {
      for (const entry of this.primaries()) {
        if (entry.worker === null || entry.worker < count) continue;
        const { drained } = await this.worker(entry).call("lun-yield", { uuid: entry.record.uuid });
        entry.worker = null;
        const index = this.leastLoaded(count);
        await this.openOn(entry, index, true);
        this.options.workers.at(index).tell({ note: "sessions", drained });
      }
    });
  }

  // --- the peer -----------------------------------------------------------------------------------------------------

  offers(): LunOffer[] {
    return [...this.primaries()].map((entry) => lunOffer(entry.record));
  }

  /** The LUNs that the peer is primary of: what else is mirrored here is its mirror no longer. */
  takeCensus(uuids: readonly string[]): Promise<void> {
    return this.inTurn(async () => {
      const known = new Set(uuids);
      for (const entry of this.entries.values()) {
        const { role, designated, uuid } = entry.record;
        if (role !== "mirror" || !designated || known.has(uuid)) continue;
        entry.record = { ...entry.record, designated: false };
      }
      await this.save();
    });
  }

  offered(uuid: string, failure: Failure | null): void {
    const entry = this.entries.get(uuid);
    if (entry === undefined) return;
    entry.trouble = failure === null ? null : `the peer refused it: ${failure.message}`;
    this.options.changed();
  }

  /** The peer offers a LUN to be mirrored here, or says what became of one (SPEC R5, C5). */
  takeOffer(offer: LunOffer, peer: string): Promise<void> {
    return this.inTurn(async () => {
      const known = this.entries.get(offer.uuid);
      if (known !== undefined) {
        if (offer.designated) this.checkSame(known.record, offer);
        else if (known.record.role === "primary") return;
        const { mode, designated, writeCache } = offer;
        known.record = { ...known.record, mode, designated, writeCache };
        await this.save();
        this.options.changed();
        return;
      }
      if (!offer.designated) return;
      this.checkName(offer.name);
      const record: LunRecord = {
        ...offer,
        role: "mirror",
        paused: false,
        journalLimitBytes: DEFAULT_JOURNAL_LIMIT_BYTES,
        backing: { kind: "file", path: "" },
      };
      await this.makeBacking(record, null, "refuse");
      const entry = newEntry(record);
      this.entries.set(record.uuid, entry);
      await this.save();
      const message = `LUN "${record.name}" of ${peer} is mirrored here`;
      this.audit("lun-created", { who: "system", from: peer }, entry, message, null, record);
    });
  }

  notice(notice: LunNotice): void {
    const entry = this.entries.get(notice.uuid);
    if (entry === undefined || entry.record.role !== "mirror") return;
    const before = entry.notice?.state;
    entry.notice = notice;
    if (before !== undefined && before !== notice.state) {
      const message = `LUN "${entry.record.name}", mirrored here, went from ${before} to ${notice.state}`;
      this.options.event("lun-state", "info", SYSTEM, entry.record.name, message, null, null);
    }
    this.options.changed();
  }

  /** The peer is not heard: what it said is old. */
  forgetNotices(): void {
    for (const entry of this.entries.values()) entry.notice = null;
  }

  copyOf(uuid: string): CopySpec | string {
    const entry = this.entries.get(uuid);
    if (entry === undefined) return "there is no such LUN here";
    if (entry.record.role !== "mirror") return `"${entry.record.name}" is primary here too`;
    return copySpec(entry, this.folder(entry.record));
  }

  nameOf(uuid: string): string {
    return this.entries.get(uuid)?.record.name ?? uuid;
  }

  // --- common -------------------------------------------------------------------------------------------------------

  private inTurn<T>(wish: () => Promise<T>): Promise<T> {
    const result = this.turn.then(wish);
    this.turn = result.catch(() => undefined);
    return result.finally(() => this.options.changed());
  }

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
    for (const { worker } of this.entries.values()) {
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
    return lunSpec(entry, this.options.around().server, this.folder(entry.record));
  }

  private folder(record: LunRecord): string {
    return path.join(this.options.dataFolder, "luns", record.uuid);
  }

  private named(name: string): LunEntry {
    for (const entry of this.entries.values()) if (entry.record.name === name) return entry;
    throw new Failure(
      "not-found",
      `there is no LUN named "${name}"`,
      "`lockstep lun list` shows all",
    );
  }

  private primary(name: string): LunEntry {
    const entry = this.named(name);
    if (entry.record.role === "primary") return entry;
    throw new Failure(
      "refused",
      `"${name}" is a mirror copy here`,
      "do this at its primary server",
    );
  }

  private checkName(name: string): void {
    for (const { record } of this.entries.values()) {
      if (record.name !== name) continue;
      const where = record.role === "mirror" ? " (the mirror of a LUN of the peer)" : "";
      throw new Failure(
        "exists",
        `there is a LUN named "${name}" on ${this.options.around().server}${where}`,
      );
    }
  }

  private checkSame(record: LunRecord, offer: LunOffer): void {
    const { server } = this.options.around();
    if (record.role !== "mirror") {
      throw new Failure("refused", `"${record.name}" is primary on ${server} as well`);
    }
    if (record.sizeBytes !== offer.sizeBytes) {
      const sizes = `${record.sizeBytes} bytes on ${server}, and ${offer.sizeBytes} bytes at its primary`;
      throw new Failure("refused", `"${record.name}" has ${sizes}`, `delete the copy on ${server}`);
    }
  }

  private async makeBacking(
    record: LunRecord,
    backing: string | null,
    existing: "refuse" | "adopt" | "wipe",
  ): Promise<void> {
    const folder = this.folder(record);
    await fs.mkdir(path.join(folder, "journal"), { recursive: true, mode: 0o700 });
    const file = backing ?? path.join(folder, "data.img");
    try {
      const device = await createFile(file, record.sizeBytes, existing);
      await new Promise<void>((resolve) => device.close(() => resolve()));
      const kind = (await fs.stat(file)).isBlockDevice() ? "block" : "file";
      record.backing = { kind, path: file };
    } catch (error) {
      await fs.rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private save(): Promise<void> {
    return this.options.save([...this.entries.values()].map((entry) => entry.record));
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

export const SYSTEM: Actor = { who: "system", from: "data path" };

function newEntry(record: LunRecord): LunEntry {
  return { record, worker: null, facts: null, notice: null, trouble: null };
}

function checkSize(sizeBytes: number): void {
  if (sizeBytes < MIN_LUN_BYTES || sizeBytes > MAX_LUN_BYTES) {
    const least = formatSize(MIN_LUN_BYTES);
    throw new Failure("usage", `a LUN has ${least} to ${formatSize(MAX_LUN_BYTES)}`);
  }
  if (sizeBytes % LOGICAL_BLOCK_BYTES !== 0) {
    throw new Failure("usage", `a LUN's size is a multiple of ${LOGICAL_BLOCK_BYTES} bytes`);
  }
}
