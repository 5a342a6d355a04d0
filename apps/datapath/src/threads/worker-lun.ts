/** One LUN in its worker: its device, journal and mark opened and recovered, its mirror engine, its target. */
import { randomBytes } from "node:crypto";
import path from "node:path";
import { type FileDevice, openFile } from "@lockstep/block";
import {
  formatStreamId,
  LunMark,
  type LunReporter,
  type LunWorld,
  MirroredLun,
  type RecoveredNumbers,
  type Restoration,
  restore,
  type StreamId,
} from "@lockstep/engine";
import { JournalFile, monotonicMs, restoreJournal } from "@lockstep/engine/io";
import type { LogicalUnit, TargetServer } from "@lockstep/iscsi";
import { MARK_FILE } from "../records.ts";
import { StableFile } from "../stable-file.ts";
import type { LunFacts, LunSpec } from "./messages.ts";

export class WorkerLun {
  readonly spec: LunSpec;
  readonly lun: MirroredLun;
  readonly unit: LogicalUnit;
  private readonly journal: JournalFile;
  private told: LunFacts | null = null;

  private constructor(
    spec: LunSpec,
    device: FileDevice,
    journal: JournalFile,
    marks: StableFile<LunMark>,
    kernelBootId: string,
    heardAgoMs: () => number,
    reporter: LunReporter,
  ) {
    this.spec = spec;
    this.journal = journal;
    const world: LunWorld = {
      now: monotonicMs,
      heardAgoMs,
      newStream,
      defer: (task) => setImmediate(task),
      kernelBootId,
    };
    this.lun = new MirroredLun({
      uuid: spec.uuid,
      local: device,
      journal,
      marks: { write: (mark, done) => marks.write(mark, (error) => done(error?.message ?? null)) },
      mode: spec.mode,
      world,
      reporter,
    });
    this.unit = {
      number: spec.number,
      device: this.lun,
      identity: { uuid: spec.uuid, name: spec.name },
      writeCache: spec.writeCache,
    };
  }

  /** Opens the LUN's files and begins, recovering what an unclean end left (SPEC R1, O3). */
  static async open(
    spec: LunSpec,
    moved: boolean,
    kernelBootId: string,
    heardAgoMs: () => number,
    reporter: LunReporter,
  ): Promise<{ lun: WorkerLun; restoration: Restoration | null }> {
    const device = openFile(spec.backingPath);
    const marks = new StableFile(path.join(spec.folder, "mark"), LunMark, MARK_FILE);
    const mark = await marks.read();
    const wished = spec.designated ? restore(mark, kernelBootId) : null;
    const found = await openJournal(spec, device, wished, mark);
    const own = new WorkerLun(
      spec,
      device,
      found.journal,
      marks,
      kernelBootId,
      heardAgoMs,
      reporter,
    );
    if (found.restoration === null) {
      own.lun.startUnmirrored();
    } else {
      const start = { mark, restoration: found.restoration, recovered: found.recovered, moved };
      await new Promise<void>((resolve, reject) => {
        own.lun.startMirrored(start, (error) => {
          if (error === null) resolve();
          else reject(new Error(`the mark could not be written: ${error}`));
        });
      });
    }
    return { lun: own, restoration: found.restoration };
  }

  setJournalLimit(bytes: number): void {
    this.journal.setLimit(bytes);
  }

  /** The facts, where they differ from what was told last; `force` tells them anyhow. */
  news(targets: TargetServer, force: boolean): LunFacts | null {
    const { lun } = this;
    const healed = lun.takeHealed();
    const outage = lun.outageFacts;
    const facts: LunFacts = {
      uuid: this.spec.uuid,
      sizeBytes: lun.sizeBytes,
      state: lun.state,
      reason: lun.reason,
      lagBytes: lun.lagBytes,
      lagMs: lun.lagMs,
      journalBytes: this.journal.bytes,
      journalRequests: this.journal.requests,
      progress: lun.progress,
      outage: outage === null ? null : { ...outage },
      healed,
      sessions: targets
        .sessions(this.spec.iqn)
        .map(({ initiator, address }) => ({ initiator, address })),
      counters: { ...lun.counters },
      oldestCommandMs: lun.oldestCommandMs,
    };
    const same = this.told !== null && JSON.stringify(facts) === JSON.stringify(this.told);
    if (same && !force) return null;
    this.told = facts;
    return facts;
  }

  /** Ends in order: what is left is marked (SPEC R1). */
  async close(graceMs: number): Promise<void> {
    await new Promise<void>((resolve) => this.lun.shutDown(graceMs, resolve));
    await new Promise<void>((resolve) => this.lun.close(() => resolve()));
    await new Promise<void>((resolve) => this.journal.close(resolve));
  }
}

function newStream(): StreamId {
  const id = randomBytes(8);
  return { hi: id.readUInt32LE(0), lo: id.readUInt32LE(4) };
}

interface OpenedJournal {
  journal: JournalFile;
  restoration: Restoration | null;
  recovered: RecoveredNumbers | null;
}

/** Redoes the journal on the local copy where the mark says that it may be used; else begins an empty one. */
async function openJournal(
  spec: LunSpec,
  device: FileDevice,
  restoration: Restoration | null,
  mark: LunMark | null,
): Promise<OpenedJournal> {
  const options = { folder: path.join(spec.folder, "journal"), limitBytes: spec.journalLimitBytes };
  const newest = mark?.lineage.at(-1)?.stream;
  if (restoration === "full-copy") {
    // What lies there stays until the mark no longer promises it (SPEC O4).
    return { journal: JournalFile.unusable(options), restoration, recovered: null };
  }
  if (restoration !== "recover-journal" || mark === null || newest === undefined) {
    return { journal: JournalFile.fresh(options), restoration, recovered: null };
  }
  const marked = { stream: newest, last: mark.last };
  const restored = await restoreJournal({ ...options, lun: spec.uuid }, device, marked);
  if (!restored.usable)
    return { journal: restored.journal, restoration: "full-copy", recovered: null };
  const voids = restored.voids.map(({ stream, number }) => ({
    stream: formatStreamId(stream),
    number,
  }));
  return {
    journal: restored.journal,
    restoration,
    recovered: { last: restored.lastNumber, voids },
  };
}
