/**
 * One random life of a simulated pair: hosts write on while whatever may happen to it does, and when all faults stop it
 * must be mirrored and equal, and must have kept every promise to hosts on the way.
 */
import { HostPromises } from "./host-promises.ts";
import { LunPair, PAIR_BLOCKS } from "./lun-pair.ts";
import { BLOCK_BYTES } from "./memory-disk.ts";
import { MARK_WRITE_MS } from "./memory-marks.ts";
import { Random } from "./random.ts";

/** What may happen beside lost connections, kills, pauses and changes of mode, which always may. */
export type Fault =
  | "designations"
  | "hangs"
  | "journal"
  | "mirror-flushes"
  | "mirror-marks"
  | "mirror-power"
  | "mirror-writes"
  | "moves"
  | "primary-flushes"
  | "primary-marks"
  | "primary-power"
  | "primary-writes"
  | "slow-writes"
  | "small-journal";

/** How long faults have to be over at most until all is well, ms. */
const HEALING_MS = 4000;
const SLICE_MS = 50;

/** What may happen next, where it can, with the share of steps in which it does. */
interface Turn {
  share: number;
  can: boolean;
  happen(): void;
}

export class RandomLife {
  private readonly seed: number;
  private readonly faults: ReadonlySet<Fault>;
  private readonly random: Random;
  private readonly pair: LunPair;
  private readonly promises: HostPromises;
  private nextValue = 1;
  private isLinked = false;
  private isUp = true;
  private isDesignated = true;
  private isPaused = false;

  constructor(seed: number, faults: readonly Fault[]) {
    this.seed = seed;
    this.faults = new Set(faults);
    const random = new Random(seed);
    this.random = random;
    const mode = random.chance(0.5) ? "sync" : "async";
    const limits = this.faults.has("small-journal")
      ? 30_000
      : random.chance(0.2)
        ? 40_000
        : 2 ** 20;
    const pair = new LunPair(seed, mode, { journalLimitBytes: limits });
    this.pair = pair;
    pair.setTimes({ t1: 60, t2: 20, t4: 200, probation: 40 });
    const slow = random.chance(0.5) ? 0.3 : 0;
    pair.primaryDisk.slow = slow;
    pair.mirrorDisk.slow = slow;
    pair.primaryDisk.slowWrites = this.faults.has("slow-writes");
    this.promises = new HostPromises(pair);
    pair.watch = this.promises;
  }

  /** Lives it; returns what went wrong, or null. */
  live(): string | null {
    try {
      this.pair.lun.designate(() => undefined);
      this.pair.schedule.run(5);
      const steps = 40 + this.random.below(120);
      for (let step = 0; step < steps && this.promises.broken === null; step++) this.step();
      const wrong = this.promises.broken ?? this.end();
      return wrong === null ? null : this.tell(wrong);
    } catch (thrown) {
      return this.tell(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
    }
  }

  private tell(wrong: string): string {
    const { lun, mirrorPosition } = this.pair;
    const reason = lun.reason === null ? "" : ` (${lun.reason})`;
    return `seed ${this.seed}: ${wrong}; ${lun.mode}, ${lun.state}${reason}, mirror at ${mirrorPosition}`;
  }

  private step(): void {
    const { random, pair } = this;
    for (let count = random.below(8); count > 0 && this.isUp; count--) this.command();
    pair.schedule.run(random.next() * 4);
    if (random.chance(0.1)) this.stopFaults();
    if (random.chance(0.06)) this.beginFaults();
    this.look();
    if (!this.isUp) return;
    for (const { share, can, happen } of this.turns()) {
      if (!can || !random.chance(share)) continue;
      happen();
      return;
    }
  }

  // --- hosts --------------------------------------------------------------------------------------------------------

  private command(): void {
    const { random, pair } = this;
    const block = random.below(PAIR_BLOCKS);
    const blocks = 1 + random.below(Math.min(4, PAIR_BLOCKS - block));
    const what = random.next();
    if (what < 0.1) pair.flush();
    else if (what < 0.2) this.unmap(block, blocks, random.chance(0.2));
    else this.write(block, blocks, what < 0.3);
  }

  private unmap(block: number, blocks: number, fua: boolean): void {
    this.pair.submit("unmap", block * BLOCK_BYTES, blocks * BLOCK_BYTES, null, fua);
  }

  private write(block: number, blocks: number, fua: boolean): void {
    const data = Buffer.alloc(blocks * BLOCK_BYTES);
    const value = this.nextValue++;
    for (let at = 0; at < data.length; at += 4) data.writeUInt32LE(value, at);
    this.pair.submit("write", block * BLOCK_BYTES, data.length, data, fua);
  }

  // --- faults -------------------------------------------------------------------------------------------------------

  private stopFaults(): void {
    const { primaryDisk, mirrorDisk, marks, mirrorMarks, journal } = this.pair;
    for (const disk of [primaryDisk, mirrorDisk]) {
      disk.failing = 0;
      disk.failingFlushes = 0;
      disk.isHung = false;
    }
    marks.failing = 0;
    mirrorMarks.failing = 0;
    journal.failing = 0;
  }

  private beginFaults(): void {
    const { primaryDisk, mirrorDisk, marks, mirrorMarks, journal } = this.pair;
    const begins = (fault: Fault) => this.faults.has(fault) && this.random.chance(0.5);
    if (begins("primary-marks")) marks.failing = 0.7;
    if (begins("mirror-marks")) mirrorMarks.failing = 0.7;
    if (begins("journal")) journal.failing = 0.3;
    if (begins("mirror-writes")) mirrorDisk.failing = 0.3;
    if (begins("mirror-flushes")) mirrorDisk.failingFlushes = 0.5;
    if (begins("primary-flushes")) primaryDisk.failingFlushes = 0.5;
    if (begins("primary-writes")) primaryDisk.failing = 0.2;
    if (begins("hangs")) mirrorDisk.isHung = true;
  }

  private turns(): Turn[] {
    const { pair, random, isLinked, faults } = this;
    const link = { share: 0.3, can: !isLinked && pair.copy === null, happen: () => this.link() };
    const lost = (share: number, lose: () => void): Turn => ({
      share,
      can: isLinked,
      happen: () => {
        this.isLinked = false;
        lose();
      },
    });
    const withoutPower = (fault: Fault) => faults.has(fault) && random.chance(0.4);
    const always = (share: number, happen: () => void): Turn => ({ share, can: true, happen });
    return [
      link,
      lost(0.04, () => pair.interrupt()),
      lost(0.04, () => pair.breakConnection()),
      lost(0.03, () => pair.killMirror(withoutPower("mirror-power"))),
      always(0.02, () => this.kill(withoutPower("primary-power"), random.next() * 10)),
      { share: 0.02, can: this.isDesignated, happen: () => this.pauseOrResume() },
      always(0.01, () => this.changeMode()),
      { share: 0.02, can: faults.has("designations"), happen: () => this.designateOrNot() },
      { share: 0.02, can: faults.has("moves"), happen: () => this.move() },
    ];
  }

  private link(): void {
    this.isLinked = true;
    this.pair.connect();
  }

  private kill(withoutPower: boolean, forMs: number, moved = false): void {
    const { pair, promises } = this;
    this.isUp = false;
    this.isLinked = false;
    this.isPaused = false;
    // A kill may come before the mark knows of a failed flush: then nothing was lost by that.
    const failedMs = pair.schedule.now - pair.primaryDisk.flushFailedAt;
    if (failedMs <= MARK_WRITE_MS) pair.primaryDisk.findLost();
    promises.primaryEnds(withoutPower);
    pair.killPrimary(withoutPower);
    pair.schedule.after(forMs, () => {
      pair.startPrimary({ designated: this.isDesignated, moved }, () => {
        this.isUp = true;
        promises.checkContent("after a start");
      });
    });
  }

  private pauseOrResume(): void {
    this.isPaused = !this.isPaused;
    if (this.isPaused) this.pair.lun.pause();
    else this.pair.lun.resume();
  }

  private changeMode(): void {
    this.promises.modeChanges();
    this.pair.setMode(this.random.chance(0.5) ? "sync" : "async");
  }

  private designateOrNot(): void {
    const { pair } = this;
    this.isDesignated = !this.isDesignated;
    if (!this.isDesignated) {
      pair.lun.undesignate();
      this.isPaused = false;
    } else if (this.random.chance(0.15)) {
      // Between the stable record and the engine's mark.
      this.kill(false, 2);
    } else {
      pair.lun.designate(() => undefined);
    }
  }

  /** Ends in order, and begins in another worker, or after a power cut. */
  private move(): void {
    this.isUp = false;
    const withoutPower = this.faults.has("primary-power") && this.random.chance(0.3);
    this.pair.lun.shutDown(this.random.below(60), () => {
      const moved = !withoutPower && this.random.chance(0.5);
      this.kill(withoutPower, this.random.next() * 3, moved);
    });
  }

  // --- what must be -------------------------------------------------------------------------------------------------

  private look(): void {
    const { pair, promises } = this;
    if (pair.isMirrorSound && this.random.chance(0.3)) promises.checkMoment();
    const { lun, commands, equal } = pair;
    const isQuiet = this.isUp && commands.every(({ answered, isLost }) => answered || isLost);
    if (isQuiet && lun.state === "mirrored" && lun.inFlight === 0 && !equal) {
      promises.broken ??= "[R7] mirrored, and the images differ";
    }
  }

  /** All faults stop; what is then not as it must be, or null. */
  private end(): string | null {
    const { pair, promises } = this;
    this.stopFaults();
    pair.schedule.run(200);
    if (this.isPaused) pair.lun.resume();
    if (!this.isDesignated) pair.lun.designate(() => undefined);
    if (!this.isLinked) {
      if (pair.copy !== null) pair.schedule.run(50);
      this.link();
    }
    this.writeAnew();
    for (let ms = 0; ms < HEALING_MS && !this.isWell; ms += SLICE_MS) pair.schedule.run(SLICE_MS);
    pair.schedule.run(SLICE_MS);
    promises.checkContent("at the end");
    if (promises.broken !== null) return promises.broken;
    if (pair.lun.state !== "mirrored") return "[O6, R1] not mirrored";
    if (!pair.equal) return `[R1] the images differ in blocks ${this.differing.join(", ")}`;
    if (!this.isAnswered) return "[O1] commands were not answered";
    const failed = pair.commands.filter(({ error }) => error !== null).length;
    return failed > 0 && !this.mayFail ? `[O4, W8] ${failed} commands failed` : null;
  }

  /** What could not be written is not known until it is written anew (SPEC W3): hosts do that. */
  private writeAnew(): void {
    const { pair } = this;
    const failed = pair.commands.filter(({ error, isLost }) => error !== null || isLost);
    for (const { request } of failed) {
      if (request.op === "flush" || request.length === 0) continue;
      this.write(request.offset / BLOCK_BYTES, request.length / BLOCK_BYTES, false);
    }
  }

  private get mayFail(): boolean {
    const failing: Fault[] = ["primary-writes", "primary-flushes", "journal"];
    return failing.some((fault) => this.faults.has(fault));
  }

  private get isAnswered(): boolean {
    return this.pair.commands.every(({ answered, isLost }) => answered || isLost);
  }

  private get isWell(): boolean {
    return this.pair.lun.state === "mirrored" && this.isAnswered;
  }

  private get differing(): number[] {
    const { primaryDisk, mirrorDisk } = this.pair;
    return Array.from({ length: PAIR_BLOCKS }, (_, block) => block).filter((block) => {
      const from = block * BLOCK_BYTES;
      const own = primaryDisk.image.subarray(from, from + BLOCK_BYTES);
      return !own.equals(mirrorDisk.image.subarray(from, from + BLOCK_BYTES));
    });
  }
}
