/** What a full copy needs of the primary copy: its place in the window among live writes, and their right of way. */
import type { BlockDevice, BlockError } from "@lockstep/block";
import { FrameKind } from "../wire/frame.ts";
import { COPY_WINDOW_BYTES, Copier, type CopyOwner } from "./copier.ts";
import type { OutageTracker } from "./outage-tracker.ts";
import type { LunWorld } from "./ports.ts";
import type { WritePath } from "./write-path.ts";

export interface FullCopyOptions {
  path: WritePath;
  local: BlockDevice;
  outage: OutageTracker;
  world: LunWorld;
  /** Whether the connection takes more of the copy now. */
  mayGoOn(): boolean;
  failed(message: string): void;
}

/** Begins a full copy; it is the path's from now on. `mirrorIsZero`: holes need not be told. */
export function beginFullCopy(options: FullCopyOptions, mirrorIsZero: boolean): void {
  const { path, local, outage, world } = options;
  const owner: CopyOwner = {
    copyMayGoOn: () => options.mayGoOn() && path.window.bytes < COPY_WINDOW_BYTES,
    copyMustWait: (offset, length) => path.overlapsAny(offset, length),
    copyBlock: (offset, data) => {
      outage.sent(data.length);
      path.pushOwn(FrameKind.copy, offset, data.length, data);
    },
    copyZeroes: (offset, length) => path.pushOwn(FrameKind.copyZero, offset, length, null),
    copyEnd: () => path.pushOwn(FrameKind.copyEnd, 0, 0, null),
    copyFailed: (error: BlockError) =>
      options.failed(`the copy could not read the local data: ${error.code} (${error.detail})`),
    now: () => world.now(),
    defer: (task) => world.defer(task),
  };
  path.copier = new Copier(owner, local, mirrorIsZero);
  path.pushOwn(FrameKind.copyBegin, 0, 0, null);
  path.copier.pump();
}
