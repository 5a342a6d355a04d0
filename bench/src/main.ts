/**
 * `npm run bench [-- --quick]`: 4 KiB and 128 KiB reads and writes, unmirrored and mirrored, beside
 * tgt where it is installed, with `qemu-img bench` as the client. The systems take turns (A B A B),
 * for the machine's speed drifts; medians, spreads and ratios are printed and kept in
 * `bench/results`.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { arch, availableParallelism, cpus, release } from "node:os";
import { join, resolve } from "node:path";
import { parseSize } from "@lockstep/model";
import { claimRun } from "../../e2e/src/processes.ts";
import { Stage } from "../../e2e/src/stage.ts";
import { cpuTimeUs } from "./cpu-time.ts";
import { rowsOf, type Sample, table } from "./figures.ts";
import { startLockstep } from "./lockstep-systems.ts";
import type { System } from "./system.ts";
import { startTgt } from "./tgt-system.ts";
import { drive, fill, WORKLOADS, type Workload } from "./workload.ts";

const REFERENCE = "tgt";
const RESULTS = resolve(import.meta.dirname, "../results");
const PLANS = {
  quick: { size: "256MiB", rounds: 3 },
  full: { size: "1GiB", rounds: 5 },
} as const;
type Length = keyof typeof PLANS;

async function measure(system: System, workload: Workload, length: Length): Promise<Sample> {
  const operations = workload.operations[length];
  await system.settle();
  const pids = system.pids();
  const before = cpuTimeUs(pids);
  const seconds = await drive(system.url, workload, operations);
  await system.settle();
  const cpuUsPerOperation = (cpuTimeUs(pids) - before) / operations;
  const names = { workload: workload.name, system: system.name };
  return { ...names, operationsPerSecond: operations / seconds, cpuUsPerOperation };
}

async function measureAll(systems: readonly System[], length: Length): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const workload of WORKLOADS) {
    for (let round = 1; round <= PLANS[length].rounds; round++) {
      for (const system of systems) {
        process.stderr.write(`${workload.name}, round ${round}: ${system.name}\n`);
        samples.push(await measure(system, workload, length));
      }
    }
  }
  return samples;
}

async function keep(samples: readonly Sample[], length: Length): Promise<string> {
  const at = new Date().toISOString();
  const machine = {
    cpu: cpus()[0]?.model ?? null,
    cores: availableParallelism(),
    arch: arch(),
    kernel: release(),
    node: process.version,
  };
  const rows = rowsOf(samples, REFERENCE);
  await mkdir(RESULTS, { recursive: true });
  const path = join(RESULTS, `${at.replaceAll(":", "-")}.json`);
  await writeFile(path, `${JSON.stringify({ at, length, machine, rows, samples }, null, 2)}\n`);
  return path;
}

async function main(length: Length): Promise<void> {
  claimRun();
  const stage = await Stage.open();
  const { size } = PLANS[length];
  try {
    const tgt = await startTgt(stage, parseSize(size) ?? 0);
    if (tgt === null) process.stderr.write("tgt is not installed: measured without it\n");
    const systems = [...(tgt === null ? [] : [tgt]), ...(await startLockstep(stage, size))];
    for (const { url, sizeBytes } of systems) await fill(url, sizeBytes);
    const samples = await measureAll(systems, length);
    const path = await keep(samples, length);
    process.stdout.write(`${table(rowsOf(samples, REFERENCE), REFERENCE)}\n\nkept in ${path}\n`);
  } catch (error) {
    process.stderr.write(`${stage.report()}\n`);
    throw error;
  } finally {
    await stage.close();
  }
}

await main(process.argv.includes("--quick") ? "quick" : "full");
