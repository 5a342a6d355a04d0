/** The LUNs of this server, primary and mirror copies, with what is found and refused by their names (SPEC C1, C5). */
import path from "node:path";
import { Failure } from "@lockstep/model";
import type { LunRecord } from "../records.ts";
import type { LunEntry } from "./lun-entry.ts";

export interface LunTableOptions {
  dataFolder: string;
  records: readonly LunRecord[];
  /** Makes all records stable. */
  save(records: LunRecord[]): Promise<void>;
  /** The name of this server. */
  server(): string;
  changed(): void;
}

export class LunTable {
  private readonly options: LunTableOptions;
  private readonly entries = new Map<string, LunEntry>();
  private lastTurn: Promise<unknown> = Promise.resolve();

  constructor(options: LunTableOptions) {
    this.options = options;
    for (const record of options.records) this.add(record);
  }

  /** Resolves when the changes that were wished so far are made. */
  get settled(): Promise<unknown> {
    return this.lastTurn;
  }

  /** Changes are made one after another; none of them may wait for the peer. */
  inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.lastTurn.then(change);
    this.lastTurn = result.catch(() => undefined);
    return result.finally(() => this.options.changed());
  }

  all(): IterableIterator<LunEntry> {
    return this.entries.values();
  }

  *primaries(): IterableIterator<LunEntry> {
    for (const entry of this.entries.values()) if (entry.record.role === "primary") yield entry;
  }

  get(uuid: string): LunEntry | undefined {
    return this.entries.get(uuid);
  }

  add(record: LunRecord): LunEntry {
    const entry = { record, worker: null, facts: null, notice: null, trouble: null };
    this.entries.set(record.uuid, entry);
    return entry;
  }

  remove(uuid: string): void {
    this.entries.delete(uuid);
  }

  save(): Promise<void> {
    return this.options.save([...this.entries.values()].map((entry) => entry.record));
  }

  /** Where a LUN's journal and marks lie, and its data where no other backing was named. */
  folder(record: LunRecord): string {
    return path.join(this.options.dataFolder, "luns", record.uuid);
  }

  named(name: string): LunEntry {
    for (const entry of this.entries.values()) if (entry.record.name === name) return entry;
    throw new Failure(
      "not-found",
      `there is no LUN named "${name}"`,
      "`lockstep lun list` shows all",
    );
  }

  primary(name: string): LunEntry {
    const entry = this.named(name);
    if (entry.record.role === "primary") return entry;
    throw new Failure(
      "refused",
      `"${name}" is a mirror copy here`,
      "do this at its primary server",
    );
  }

  /** Throws where the name is taken. */
  checkName(name: string): void {
    for (const { record } of this.entries.values()) {
      if (record.name !== name) continue;
      const where = record.role === "mirror" ? " (the mirror of a LUN of the peer)" : "";
      throw new Failure(
        "exists",
        `there is a LUN named "${name}" on ${this.options.server()}${where}`,
      );
    }
  }
}
