/**
 * What hosts may rely on (SPEC W3-W7, R1): remembers each version that a block ever had, and looks whether an image
 * shows one that it may show. A version is superseded where another began after it had ended, and was answered well.
 */
import type { HostCommand, HostWatch } from "./host-command.ts";
import { type LunPair, PAIR_BLOCKS } from "./lun-pair.ts";
import { BLOCK_BYTES, type MemoryDisk } from "./memory-disk.ts";

/** What one command made of one block. Values of writes are never used twice; 0 is a block of zeroes. */
interface Version {
  readonly value: number;
  /** Null for what was there at first. */
  readonly command: HostCommand | null;
  /** When it was answered or lost, in the hosts' order; 0: not yet. */
  endedAt: number;
  /** A flush answered behind it, or its FUA: it outlives a loss of power. */
  isStable: boolean;
  /** It was not, and the power was lost. */
  isGone: boolean;
  /** It could not be written: no image may ever show it (SPEC W3). */
  isVoid: boolean;
}

type Supersedes = (later: Version, version: Version) => boolean;

export class HostPromises implements HostWatch {
  /** The first promise that was broken. */
  broken: string | null = null;
  private readonly pair: LunPair;
  private readonly blocks: Version[][];
  private readonly byCommand = new Map<HostCommand, Version[]>();
  /** What a flush would still have to make stable. */
  private unstable: Version[] = [];
  /** Commands that began while mirrored in synchronous mode, by the connection they began on. */
  private readonly mirrored = new Map<HostCommand, number>();

  constructor(pair: LunPair) {
    this.pair = pair;
    const state = { endedAt: 0.5, isStable: true, isGone: false, isVoid: false };
    const zeroes = { value: 0, command: null, ...state };
    this.blocks = Array.from({ length: PAIR_BLOCKS }, () => [zeroes]);
  }

  // --- what hosts do ------------------------------------------------------------------------------------------------

  began(command: HostCommand): void {
    const { op, buffer } = command.request;
    const { lun, connection } = this.pair;
    if (lun.mode === "sync" && lun.state === "mirrored") this.mirrored.set(command, connection);
    if (op === "flush") return;
    const value = buffer?.readUInt32LE(0) ?? 0;
    const state = { endedAt: 0, isStable: false, isGone: false, isVoid: false };
    const versions = blocksOf(command).map((block): Version => {
      const version = { value, command, ...state };
      this.blocks[block]?.push(version);
      return version;
    });
    this.byCommand.set(command, versions);
    this.unstable.push(...versions);
  }

  answered(command: HostCommand): void {
    const { op, fua } = command.request;
    const versions = this.byCommand.get(command) ?? [];
    for (const version of versions) version.endedAt = command.answeredAt;
    const isFlush = op === "flush";
    if (command.error !== null) {
      // The host knows that what it wrote before may not be stable, and that no later flush says otherwise.
      if (isFlush || fua) this.unstable = [];
      else this.failed(command, versions);
      return;
    }
    if (isFlush) this.flushed(command);
    if (fua) for (const version of versions) version.isStable = true;
    const { primaryDisk, mirrorDisk, lun, connection } = this.pair;
    if (isFlush || fua) this.checkStable(primaryDisk, "[W7] the primary");
    const wasMirrored = this.mirrored.get(command) === connection;
    if (!wasMirrored || lun.state !== "mirrored") return;
    this.checkArrived(command);
    if (isFlush || fua) this.checkStable(mirrorDisk, "[W7] the mirror");
  }

  /** A part of it may have been written all the same. */
  private failed(command: HostCommand, versions: readonly Version[]): void {
    const { image } = this.pair.primaryDisk;
    for (const [index, block] of blocksOf(command).entries()) {
      const version = versions[index];
      if (version !== undefined) version.isVoid = valueAt(image, block) !== version.value;
    }
  }

  private flushed(flush: HostCommand): void {
    this.unstable = this.unstable.filter((version) => {
      const { command } = version;
      const isCovered = command?.answered === true && command.answeredAt < flush.beganAt;
      if (isCovered && command.error === null) version.isStable = true;
      return !isCovered;
    });
  }

  /** Call before the mode is changed: who waits was promised nothing about the mirror. */
  modeChanges(): void {
    this.mirrored.clear();
  }

  /** Call before the primary is killed. */
  primaryEnds(withoutPower: boolean): void {
    const now = this.pair.order + 0.5;
    for (const versions of this.byCommand.values()) {
      for (const version of versions) {
        if (version.endedAt === 0) version.endedAt = now;
        if (withoutPower && !version.isStable) version.isGone = true;
      }
    }
  }

  // --- what images show ---------------------------------------------------------------------------------------------

  /** What a host reads: nothing that was superseded. */
  checkContent(what: string): void {
    this.check(this.pair.primaryDisk.image, `${what}: the primary`, superseded);
  }

  /** SPEC W4: the mirror shows a moment of the past, as the hosts' commands depend on each other. */
  checkMoment(): void {
    const { image } = this.pair.mirrorDisk;
    const values = new Set(this.blocks.map((_, block) => valueAt(image, block)));
    const shown = this.blocks.flat().filter(({ value }) => value !== 0 && values.has(value));
    const moment = Math.max(0, ...shown.map(({ command }) => command?.beganAt ?? 0));
    this.check(
      image,
      "[W4] the mirror",
      (later, version) => superseded(later, version) && later.endedAt < moment,
    );
  }

  private checkStable({ stable }: MemoryDisk, whose: string): void {
    this.check(
      stable,
      `${whose}'s stable data`,
      (later, version) => later.isStable && superseded(later, version),
    );
  }

  /** SPEC W5: what was answered in synchronous mode is at the mirror. */
  private checkArrived(command: HostCommand): void {
    const { image } = this.pair.mirrorDisk;
    const only: Supersedes = (later, version) =>
      later.command === command && superseded(later, version);
    for (const block of blocksOf(command)) this.checkBlock(image, block, "[W5] the mirror", only);
  }

  private check(image: Buffer, whose: string, supersedes: Supersedes): void {
    for (let block = 0; block < PAIR_BLOCKS; block++) {
      this.checkBlock(image, block, whose, supersedes);
    }
  }

  private checkBlock(image: Buffer, block: number, whose: string, supersedes: Supersedes): void {
    if (this.broken !== null) return;
    const versions = this.blocks[block] ?? [];
    const value = valueAt(image, block);
    const isRight = versions
      .filter((version) => version.value === value && !version.isVoid)
      .some((version) => !versions.some((later) => supersedes(later, version)));
    if (isRight) return;
    const told = versions.slice(-4).map(tell).join(" ");
    const at = this.pair.schedule.now.toFixed(2);
    this.broken = `${whose} shows ${value} in block ${block} at ${at} ms; last: ${told}`;
  }
}

function superseded(later: Version, version: Version): boolean {
  const { command, isGone } = later;
  if (command === null || !command.answered || command.error !== null || isGone) return false;
  return version.endedAt !== 0 && version.endedAt < command.beganAt;
}

function blocksOf({ request }: HostCommand): number[] {
  const first = request.offset / BLOCK_BYTES;
  return Array.from({ length: request.length / BLOCK_BYTES }, (_, index) => first + index);
}

function valueAt(image: Buffer, block: number): number {
  return image.readUInt32LE(block * BLOCK_BYTES);
}

function tell({ value, command, endedAt, isStable, isGone, isVoid }: Version): string {
  const facts = [
    isVoid ? "void" : "",
    isStable ? "stable" : "",
    isGone ? "gone" : "",
    command?.isLost ? "lost" : "",
    command?.error?.code ?? "",
  ].filter((fact) => fact !== "");
  return `${value} (${command?.beganAt ?? 0}-${endedAt} ${facts.join(" ")})`;
}
