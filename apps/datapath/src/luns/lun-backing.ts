/** Makes and takes away what a LUN's data lies in: its folder, and the file or block device behind it. */
import fs from "node:fs/promises";
import path from "node:path";
import { createFile } from "@lockstep/block";
import type { LunRecord } from "../records.ts";

/** `backing`: null for a file in the folder. The record is told what became of it. */
export async function makeBacking(
  record: LunRecord,
  folder: string,
  backing: string | null,
  existing: "refuse" | "adopt" | "wipe",
): Promise<void> {
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

/** Takes the folder away; resolves to whether the data went with it. */
export async function removeBacking(record: LunRecord, folder: string): Promise<boolean> {
  await fs.rm(folder, { recursive: true, force: true });
  return record.backing.path.startsWith(`${folder}${path.sep}`);
}
