/** One LUN in its worker: its device, journal and mark opened and recovered, its mirror engine, its target. */
import path from "node:path";
import { randomBytes } from "node:crypto";
import { type FileDevice, openFile } from "@lockstep/block";
import {
  type LunReporter,
  type LunWorld,
  LunMark,
  MirroredLun,
  type Restoration,
  restore,
} from "@lockstep/engine";
import { JournalFile, monotonicMs } from "@lockstep/engine/io";
import type { LogicalUnit, TargetServer } from "@lockstep/iscsi";
import { StableFile } from "../stable-file.ts";
import type { LunFacts, LunSpec } from "./messages.ts";

export class WorkerLun {
  readonly spec: LunSpec;
  readonly lun: MirroredLun;
  readonly unit: LogicalUnit;
  private readonly journal: JournalFile;
  private readonly marks: StableFile<LunMark>;
  private told: LunFacts | null = null;

  private constructor(
    spec: LunSpec,
    device: FileDevice,
    journal: JournalFile,
    marks: StableFile<LunMark>,
    kernelBootId: string,
    reporter: LunReporter,
  ) {
    this.spec = spec;
    this.journal = journal;
    this.marks = marks;
    const world: LunWorld = {
      now: monotonicMs,
      newStream: () => {
        const id = randomBytes(8);
        return { hi: id.readUInt32LE(0), lo: id.readUInt32LE(4) };
      },
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
    reporter: LunReporter,
  ): Promise<{ lun: WorkerLun; restoration: Restoration | null }> {
    const device = openFile(spec.backingPath);
    const marks = new StableFile(path.join(spec.folder, "mark"), LunMark, { copies: 2 });
    const mark = await marks.read();
    const folder = path.join(spec.folder, "journal");
    const restoration = spec.designated ? restore(mark, kernelBootId) : null;
    const journal = new JournalFile(folder, spec.uuid, spec.journalLimitBytes);
    const own = new WorkerLun(spec, device, journal, marks, kernelBootId, reporter);
    await own.begin(mark, restoration, moved, device);
    return { lun: own, restoration };
  }

  private async begin(
    mark: LunMark | null,
    restoration: Restoration | null,
    moved: boolean,
    device: FileDevice,
  ): Promise<void> {
    let outcome = restoration;
    let lastUsable = 0;
    if (restoration === "recover-journal" && mark !== null) {
      const recovery = await this.journal.recover(device, mark.lineage.at(-1)?.stream ?? "");
      if (recovery.usable) lastUsable = recovery.lastNumber;
      else outcome = "full-copy";
    } else {
      this.journal.drop();
    }
    if (outcome === null) {
      this.lun.startUnmirrored();
      return;
    }
    const restored = outcome;
    await new Promise<void>((resolve, reject) => {
      this.lun.startMirrored(mark, restored, lastUsable, moved, (error) => {
        if (error === null) resolve();
        else reject(new Error(`the mark could not be written: ${error}`));
      });
    });
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
    this.journal.close();
    await this.marks.settled();
  }
}
