/**
 * `npm start`: two paired servers and a mirrored LUN from one command, what the terminal tells, a clean
 * stop, and a second start that finds everything as it was. It runs on its default ports, in a network
 * namespace where they are free.
 */
import { join } from "node:path";
import type { Lun, Status } from "@lockstep/model";
import { expect, it } from "vitest";
import { stageForEachTest } from "../src/each-test.ts";
import { eventually, within } from "../src/eventually.ts";
import { ask } from "../src/local-socket.ts";
import { type Namespace, Network } from "../src/network.ts";
import {
  type Background,
  LOCKSTEP,
  must,
  NODE,
  processesOf,
  run,
  signalProcess,
} from "../src/processes.ts";
import type { Stage } from "../src/stage.ts";

const READY_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 30_000;
const stage = stageForEachTest();

function startDemo(on: Stage, place: Namespace, data: string): Background {
  return on.background("demo", place.asUser([NODE, LOCKSTEP, "demo", "--data", data]));
}

/** Waits until the demo says it is ready; yields all that was printed. */
async function whatItTells(demo: Background): Promise<string> {
  return eventually("the demo to be ready", READY_TIMEOUT_MS, () => {
    if (demo.ended) throw new Error(`the demo ended: ${demo.lines.join("\n")}`);
    const { stdoutLines } = demo;
    return stdoutLines.some((line) => line.startsWith("ready ")) && stdoutLines.join("\n");
  });
}

async function mirrored(data: string): Promise<Lun> {
  return eventually("the LUN demo to be mirrored", READY_TIMEOUT_MS, async () => {
    const lun = await ask(data, "lun.show", { name: "demo" });
    return lun.state === "mirrored" && lun;
  });
}

async function stopDemo(demo: Background, data: string): Promise<void> {
  signalProcess(demo.pid, "SIGINT");
  const { status } = await within("Ctrl-C", STOP_TIMEOUT_MS, demo.exited);
  expect(status).toBe(0);
  expect(processesOf(data)).toEqual([]);
}

it("[L1] one command gives two paired servers and a mirrored LUN, twice", async () => {
  const { alpha: place } = await Network.make(stage());
  const data = join(stage().folder, "demo");
  const [alpha, beta] = [join(data, "alpha"), join(data, "beta")];

  const first = startDemo(stage(), place, data);
  const text = await whatItTells(first);
  expect(text).toMatch(/http:\/\/127\.0\.0\.1:7400\/.*sign in as admin, password \S+/);
  expect(text).toMatch(/http:\/\/127\.0\.0\.1:7500\/.*sign in as admin, password \S+/);
  const lun = await mirrored(alpha);
  expect(lun).toMatchObject({ name: "demo", mode: "sync", role: "primary", sizeBytes: 2 ** 30 });
  const statuses: Status[] = await Promise.all([ask(alpha, "status", {}), ask(beta, "status", {})]);
  expect(statuses.map(({ link }) => link.state)).toEqual(["up", "up"]);
  const lines = text.split("\n").filter((line) => line.includes("iscsi://"));
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) await must(place.asUser(["bash", "-c", line.trim()]));
  const url = `iscsi://127.0.0.1:3260/${lun.target.iqn}/0`;
  await must(place.asUser(["qemu-io", "-f", "raw", "-c", "write -P 0x33 0 1M", url]));

  const second = await run(place.asUser([NODE, LOCKSTEP, "demo", "--data", data]));
  expect(second.status).not.toBe(0);
  expect(second.stderr.trim()).toMatch(/^lockstep: .+/);
  await stopDemo(first, data);

  const again = startDemo(stage(), place, data);
  await whatItTells(again);
  expect((await mirrored(alpha)).uuid).toBe(lun.uuid);
  await must(place.asUser(["qemu-io", "-f", "raw", "-c", "read -P 0x33 0 1M", url]));
  await stopDemo(again, data);
});
