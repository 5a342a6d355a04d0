/**
 * The outages of this server's LUNs (SPEC O7): the last MAX_OUTAGES, kept over restarts. Each change is a line of the
 * whole record in one file, which is written anew when most of its lines are overtaken. A running outage's counts are
 * written at most every COUNT_MS; its phases and its end at once.
 */
import fs from "node:fs";
import path from "node:path";
import { Outage, type OutagePhaseKind } from "@lockstep/model";
import { AppendFile } from "./append-file.ts";

export const MAX_OUTAGES = 1_000;
/** Lines in the file, beyond which it is written anew. */
const MAX_LINES = 4 * MAX_OUTAGES;
const COUNT_MS = 1_000;

export type NewOutage = Pick<Outage, "lun" | "begunAt" | "detectedAt" | "cause" | "seenBy">;
export type OutageCounts = Pick<Outage, "peakQueue" | "healBytes" | "longestHostWaitMs">;

export class OutageLog {
  readonly #path: string;
  readonly #maxOutages: number;
  readonly #outages = new Map<string, Outage>();
  readonly #listeners = new Set<(outage: Outage) => void>();
  /** Outages whose counts are to be written with the next line or when the timer ends. */
  readonly #counted = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #file: AppendFile;
  #lines = 0;

  constructor(file: string, maxOutages = MAX_OUTAGES) {
    this.#path = file;
    this.#maxOutages = maxOutages;
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    for (const value of AppendFile.read(file)) {
      const outage = Outage.safeParse(value);
      if (outage.success) this.#outages.set(outage.data.id, outage.data);
    }
    this.#bound();
    this.#file = this.#rewrite();
  }

  /** Oldest first. */
  list(): Outage[] {
    return [...this.#outages.values()];
  }

  get(id: string): Outage | null {
    return this.#outages.get(id) ?? null;
  }

  /** Records an outage and returns its id. What came before its detection is its first phase, silence. */
  begin(fresh: NewOutage): string {
    const id = this.#newId(fresh);
    const silent = fresh.begunAt < fresh.detectedAt;
    this.#outages.set(id, {
      id,
      ...fresh,
      phases: silent ? [{ kind: "silence", at: fresh.begunAt, endedAt: fresh.detectedAt }] : [],
      peakQueue: { bytes: 0, requests: 0 },
      healBytes: 0,
      longestHostWaitMs: null,
      healedAt: null,
    });
    this.#bound();
    this.#changed(id);
    return id;
  }

  /** The outage is in this phase from `at` on; says nothing new when it was already. */
  enter(id: string, kind: OutagePhaseKind, at: string): void {
    const outage = this.#running(id);
    const last = outage?.phases.at(-1);
    if (!outage || (last?.kind === kind && last.endedAt === null)) return;
    if (last && last.endedAt === null) last.endedAt = at;
    outage.phases.push({ kind, at, endedAt: null });
    this.#changed(id);
  }

  /** Takes the counts as they stand; a peak or a longest wait never falls. */
  count(id: string, counts: OutageCounts): void {
    const outage = this.#running(id);
    if (!outage) return;
    const before = JSON.stringify([outage.peakQueue, outage.healBytes, outage.longestHostWaitMs]);
    outage.peakQueue = {
      bytes: Math.max(outage.peakQueue.bytes, counts.peakQueue.bytes),
      requests: Math.max(outage.peakQueue.requests, counts.peakQueue.requests),
    };
    outage.healBytes = Math.max(outage.healBytes, counts.healBytes);
    const waits = [outage.longestHostWaitMs, counts.longestHostWaitMs].filter((ms) => ms !== null);
    outage.longestHostWaitMs = waits.length === 0 ? null : Math.max(...waits);
    const after = JSON.stringify([outage.peakQueue, outage.healBytes, outage.longestHostWaitMs]);
    if (before === after) return;
    this.#counted.add(id);
    this.#timer ??= setTimeout(() => this.#writeCounts(), COUNT_MS);
  }

  /** The LUN is mirrored again. */
  heal(id: string, at: string): void {
    const outage = this.#running(id);
    if (!outage) return;
    const last = outage.phases.at(-1);
    if (last && last.endedAt === null) last.endedAt = at;
    outage.healedAt = at;
    this.#changed(id);
  }

  /** Calls `listener` with each outage that changed. Returns how to stop that. */
  subscribe(listener: (outage: Outage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    if (this.#timer) this.#writeCounts();
    this.#file.close();
    this.#listeners.clear();
  }

  /** The outage, if it is known and not over. */
  #running(id: string): Outage | null {
    const outage = this.#outages.get(id);
    return outage && outage.healedAt === null ? outage : null;
  }

  #writeCounts(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    for (const id of [...this.#counted]) this.#changed(id);
  }

  #changed(id: string): void {
    this.#counted.delete(id);
    const outage = this.#outages.get(id);
    if (!outage) return;
    try {
      if (++this.#lines > MAX_LINES) {
        this.#file.close();
        this.#file = this.#rewrite();
      } else {
        this.#file.append(`${JSON.stringify(outage)}\n`);
      }
    } catch {
      // A full disk costs the line, not the outage: the next change writes the whole record again.
    }
    for (const listener of this.#listeners) listener(structuredClone(outage));
  }

  /** One line for each outage, in place of the old file once it is stable. */
  #rewrite(): AppendFile {
    const next = `${this.#path}.next`;
    const text = this.list().map((outage) => `${JSON.stringify(outage)}\n`);
    try {
      fs.writeFileSync(next, text.join(""), { mode: 0o600, flush: true });
      fs.renameSync(next, this.#path);
      this.#lines = text.length;
    } catch {
      fs.rmSync(next, { force: true });
    }
    return new AppendFile(this.#path);
  }

  /** The oldest that are over go first. */
  #bound(): void {
    const byAge = [...this.#outages.values()];
    const over = byAge.filter(({ healedAt }) => healedAt !== null);
    for (const { id } of [...over, ...byAge]) {
      if (this.#outages.size <= this.#maxOutages) return;
      this.#outages.delete(id);
    }
  }

  /** Readable, and unlike any before: when it was detected, which LUN, and a count where that is not enough. */
  #newId({ detectedAt, lun }: NewOutage): string {
    const stem = `${detectedAt.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-")}-${lun}`;
    let id = stem;
    for (let i = 2; this.#outages.has(id); i++) id = `${stem}-${i}`;
    return id;
  }
}
