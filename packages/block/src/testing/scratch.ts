/** Folders and loop devices for tests, removed afterwards. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

export function makeFolder(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), "lockstep-block-"));
}

export function removeFolder(folder: string): void {
  fs.rmSync(folder, { recursive: true, force: true });
}

export interface LoopDevice {
  readonly path: string;
  detach(): void;
}

/** A block device over a new sparse file, or the reason why there can't be one here. */
export function attachLoopDevice(folder: string, sizeBytes: number): LoopDevice | string {
  if (process.getuid?.() !== 0) return "only root may attach loop devices";
  if (!fs.existsSync("/dev/loop-control")) return "this machine has no /dev/loop-control";
  const file = path.join(folder, "loop.img");
  fs.writeFileSync(file, "");
  fs.truncateSync(file, sizeBytes);
  try {
    const output = execFileSync("losetup", ["--find", "--show", file], { encoding: "utf8" });
    const device = output.trim();
    return { path: device, detach: () => void execFileSync("losetup", ["--detach", device]) };
  } catch (thrown) {
    return `losetup failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}
