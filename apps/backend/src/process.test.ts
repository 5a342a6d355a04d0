import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FakeDataPath } from "@lockstep/api/testing";
import { HistoryStore, openDatabase, startEmbeddedPostgres } from "@lockstep/db";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const API = "127.0.0.1:23110";
/** It shares its machine with the data path; 150 is usual, 280 what it was before main.ts held the heap small. */
const MAX_RESIDENT_MIB = 230;
const soon = { timeout: 20_000, interval: 20 };

let base: string;
let dataFolder: string;
let dataPath: FakeDataPath;
let child: ChildProcess;

function start(): void {
  const options = JSON.stringify({ data: dataFolder, name: "alpha", api: API });
  child = spawn(process.execPath, [MAIN, options], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout?.resume();
  child.stderr?.resume();
}

function exited(): Promise<number | string | null> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal));
  });
}

const isReady = async () => {
  expect((await fetch(`http://${API}/readyz`)).status).toBe(200);
};

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), "lockstep-backend-"));
  chmodSync(base, 0o755);
  dataFolder = join(base, "data");
  dataPath = new FakeDataPath(dataFolder);
  await dataPath.start();
});
afterEach(async () => {
  child.kill("SIGKILL");
  await dataPath.stop();
  // The database ends with its parent, which takes it a moment.
  const pid = dataPath.hellos.at(-1)?.databasePid;
  await vi.waitFor(() => expect(pid && existsSync(`/proc/${pid}`)).toBeFalsy(), soon);
  rmSync(base, { recursive: true });
});

describe("the backend process", () => {
  it("[C4] goes on when whoever started it and read its output is gone, and ends cleanly on SIGTERM", async () => {
    start();
    await vi.waitFor(isReady, soon);
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    expect(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024).toBeLessThan(MAX_RESIDENT_MIB);
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.kill("SIGHUP");
    // Makes it log: the data path goes and comes back.
    const hellos = dataPath.hellos.length;
    await dataPath.stop();
    await dataPath.start();
    await vi.waitFor(() => expect(dataPath.hellos.length).toBeGreaterThan(hellos), soon);
    await isReady();
    const ended = exited();
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(existsSync(join(dataFolder, "postgres/data/postmaster.pid"))).toBe(false);
  }, 40_000);

  it("[C3] killed again and again while events come, it leaves each in the database exactly once", async () => {
    const total = 300;
    let sent = 0;
    for (let kills = 1; kills <= 2; kills++) {
      start();
      await vi.waitFor(isReady, soon);
      const until = kills * 150;
      while (sent < until) {
        for (let i = 0; i < 4; i++) dataPath.event({ kind: "drill", message: `event ${++sent}` });
        await new Promise((resolve) => setImmediate(resolve));
      }
      // Some are written by now, some are on their way, some not: whichever, the next one goes on.
      await vi.waitFor(() => expect(dataPath.taken.length).toBeGreaterThan(0), soon);
      const ended = exited();
      child.kill("SIGKILL");
      await ended;
    }
    start();
    await vi.waitFor(() => expect(dataPath.spool).toEqual([]), soon);
    const ended = exited();
    child.kill("SIGTERM");
    await ended;
    const server = await startEmbeddedPostgres({ folder: join(dataFolder, "postgres") });
    const database = openDatabase(server, "lockstep", () => {});
    const store = await HistoryStore.open(database, dataPath.status, new Date().toISOString());
    const events = (await store.eventsAfter(0, 1000)).filter(({ kind }) => kind === "drill");
    expect(events.map(({ message }) => message)).toEqual(
      Array.from({ length: total }, (_, i) => `event ${i + 1}`),
    );
    await database.close();
    await server.stop();
  }, 60_000);
});
