/**
 * What is measured: block size, direction and queue depth, driven by `qemu-img bench` (libiscsi),
 * which walks the LUN from its begin and starts over at its end.
 */
import { must } from "../../e2e/src/processes.ts";

export interface Workload {
  name: string;
  write: boolean;
  blockBytes: number;
  depth: number;
  operations: { quick: number; full: number };
}

export const WORKLOADS: readonly Workload[] = [
  {
    name: "4 KiB read, depth 32",
    write: false,
    blockBytes: 4096,
    depth: 32,
    operations: { quick: 25_000, full: 200_000 },
  },
  {
    name: "4 KiB write, depth 32",
    write: true,
    blockBytes: 4096,
    depth: 32,
    operations: { quick: 20_000, full: 100_000 },
  },
  {
    name: "128 KiB read, depth 16",
    write: false,
    blockBytes: 131_072,
    depth: 16,
    operations: { quick: 3_000, full: 10_000 },
  },
  {
    name: "128 KiB write, depth 16",
    write: true,
    blockBytes: 131_072,
    depth: 16,
    operations: { quick: 2_000, full: 10_000 },
  },
];

const RUN_TIMEOUT_MS = 120_000;

/** Runs a workload once; yields the seconds that the client counted. */
export async function drive(url: string, workload: Workload, operations: number): Promise<number> {
  const printed = await must(
    [
      ...["qemu-img", "bench", "-f", "raw", "-c", String(operations), "-d", String(workload.depth)],
      ...["-s", String(workload.blockBytes), ...(workload.write ? ["-w"] : []), url],
    ],
    { timeoutMs: RUN_TIMEOUT_MS },
  );
  const seconds = /Run completed in ([\d.]+) seconds/.exec(printed)?.[1];
  if (seconds === undefined) throw new Error(`qemu-img bench printed no time: ${printed}`);
  return Number(seconds);
}

/** Fills the LUN once, so that reads meet data and writes meet allocated blocks on every system. */
export async function fill(url: string, sizeBytes: number): Promise<void> {
  const blockBytes = 2 ** 20;
  const workload = { name: "fill", write: true, blockBytes, depth: 8 };
  const operations = Math.floor(sizeBytes / blockBytes);
  await drive(
    url,
    { ...workload, operations: { quick: operations, full: operations } },
    operations,
  );
}
