/**
 * A full copy from its mark to its end (SPEC R1, R3, R5): the mark `copying` is stable before the first block, the mark
 * `open` once the whole copy is stable on both servers. Its blocks take their place in the window among live writes.
 */
import type { BlockDevice } from "@lockstep/block";
import { FrameKind } from "../wire/frame.ts";
import { COPY_WINDOW_BYTES, Copier, type CopyOwner } from "./copier.ts";
import type { MarkKeeper } from "./mark-keeper.ts";
import type { OutageTracker } from "./outage-tracker.ts";
import type { LunReporter, LunWorld } from "./ports.ts";
import type { WritePath } from "./write-path.ts";

export interface FullCopyOwner {
  /** Whether the mirror was met, so that a copy may begin. */
  copyMayBegin(): boolean;
  /** Whether the connection takes more of it now. */
  copyMayGoOn(): boolean;
  /** The mark is stable: from now on writes go live, and the copy with them. */
  copyBegins(): void;
  /** The copy is whole and stable on both servers. */
  copyEnded(): void;
  /** It did not begin, or was given up. */
  copyFailed(message: string): void;
}

export interface FullCopyOptions {
  path: WritePath;
  local: BlockDevice;
  mark: MarkKeeper;
  outage: OutageTracker;
  world: LunWorld;
  reporter: LunReporter;
}

export class FullCopy {
  private readonly options: FullCopyOptions;
  private readonly owner: FullCopyOwner;

  constructor(options: FullCopyOptions, owner: FullCopyOwner) {
    this.options = options;
    this.owner = owner;
  }

  /** `mirrorIsZero`: holes need not be told. */
  begin(why: string, mirrorIsZero: boolean): void {
    const { path, mark, outage, reporter } = this.options;
    path.lineage.beginFresh(this.options.world.newStream());
    const { turn } = path;
    mark.write("copying", path, (error) => {
      if (turn !== path.turn || !this.owner.copyMayBegin()) return;
      if (error !== null) {
        this.owner.copyFailed(`the mark could not be written: ${error}`);
        return;
      }
      path.take("live");
      this.owner.copyBegins();
      outage.enter("resync");
      path.copier = new Copier(this.place(), this.options.local, mirrorIsZero);
      const { sizeBytes } = this.options.local;
      path.pushOwn(FrameKind.copyBegin, sizeBytes, 0, null);
      reporter.event("copy-began", "info", `a full copy began: ${why}`);
      path.copier.pump();
      reporter.changed();
    });
  }

  /** The mirror holds the whole copy, stable: so must this side before it counts (SPEC R1). */
  arrived(): void {
    const { path, mark } = this.options;
    const { turn } = path;
    path.flushLocal((error) => {
      if (turn !== path.turn || path.copier === null) return;
      if (error !== null) {
        this.failed(`the local copy could not be made stable: ${error.code} (${error.detail})`);
        return;
      }
      mark.write("open", path, (markError) => {
        if (turn !== path.turn || path.copier === null) return;
        if (markError !== null) {
          this.failed(`the mark could not be written: ${markError}`);
          return;
        }
        path.copier = null;
        const message = "the full copy is whole and stable on both servers";
        this.options.reporter.event("copy-ended", "info", message);
        this.owner.copyEnded();
      });
    });
  }

  stop(): void {
    this.options.path.copier?.stop();
    this.options.path.copier = null;
  }

  private failed(message: string): void {
    this.options.reporter.event("storage-error", "error", message);
    this.stop();
    this.owner.copyFailed(message);
  }

  private place(): CopyOwner {
    const { path, outage, world } = this.options;
    return {
      copyMayGoOn: () => this.owner.copyMayGoOn() && path.window.bytes < COPY_WINDOW_BYTES,
      copyMustWait: (offset, length) => path.overlapsAny(offset, length),
      copyBlock: (offset, data) => {
        outage.sent(data.length);
        path.pushOwn(FrameKind.copy, offset, data.length, data);
      },
      copyZeroes: (offset, length) => path.pushOwn(FrameKind.copyZero, offset, length, null),
      copyEnd: () => path.pushOwn(FrameKind.copyEnd, 0, 0, null),
      copyFailed: ({ code, detail }) =>
        this.failed(`the copy could not read the local data: ${code} (${detail})`),
      now: () => world.now(),
      defer: (task) => world.defer(task),
    };
  }
}
