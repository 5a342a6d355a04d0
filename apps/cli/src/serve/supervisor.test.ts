import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { eventually, isRunning, TestFolder } from "../testing/supervised.ts";

// Each test starts three processes or more, on whatever the machine has left.
vi.setConfig({ testTimeout: 40_000, hookTimeout: 40_000 });

let firstPort = 23_300;
let folder: TestFolder;
beforeEach(() => {
  folder = new TestFolder(firstPort);
  firstPort += 4;
});
afterEach(() => folder.clear());

const gone = (pid: number) => eventually(`the end of ${pid}`, () => (isRunning(pid) ? null : true));

describe("a start", () => {
  it("prints one ready line and the first password, and the three processes know each other", async () => {
    const server = folder.serve();
    const line = await server.ready();
    expect(line).toContain("alpha: iSCSI 127.0.0.1:");
    const { processes, server: said } = await folder.complete();
    expect(processes.supervisor).toBe(server.pid);
    expect(said.restartNeeded).toBe(false);
    await eventually("the password", () => (server.stdout.includes("open sesame") ? true : null));
    expect(server.stdout.match(/^ready /gm)).toHaveLength(1);
  });

  it("gives the database's address to the backend only, and not on a command line", async () => {
    folder.serve({ databaseUrl: "postgres://lockstep:secret@127.0.0.1/x" });
    const { processes } = await folder.complete();
    expect(readFileSync(join(folder.data, "database-url"), "utf8")).toContain("secret");
    const commandLine = readFileSync(`/proc/${processes.backend}/cmdline`, "utf8");
    expect(commandLine).not.toContain("secret");
    expect(readFileSync(join(folder.data, "serve.json"), "utf8")).not.toContain("secret");
  });

  it("names the port that is taken", async () => {
    const { iscsi } = folder.options();
    const taken = createServer().listen(Number(iscsi[0]?.split(":")[1]), "127.0.0.1");
    const server = folder.serve();
    expect(await server.ended).toBe(1);
    expect(server.stderr).toMatch(
      /^lockstep: port 233\d\d on 127.0.0.1 is taken; it is needed for iSCSI\n$/,
    );
    taken.close();
  });

  it("[C4] refuses a folder that another supervisor serves", async () => {
    const first = folder.serve();
    await first.ready();
    const second = folder.serve();
    expect(await second.ended).toBe(1);
    expect(second.stderr).toContain(`is in use by another lockstep serve (process ${first.pid})`);
    expect(isRunning(first.pid)).toBe(true);
  });

  it("[C4] shows the data path's own sentence where that is refused, and starts no backend", async () => {
    writeFileSync(join(folder.data, "refuse"), "");
    const server = folder.serve();
    expect(await server.ended).toBe(1);
    expect(server.stderr).toBe(`lockstep: data folder ${folder.data} is locked by process 1\n`);
    expect(existsSync(join(folder.data, "admin-password"))).toBe(false);
  });
});

describe("a restart", () => {
  it("starts the data path again and records loss and restart in order", async () => {
    const server = folder.serve();
    await server.ready();
    const before = await folder.complete();
    process.kill(before.processes.datapath ?? 0, "SIGKILL");
    const after = await folder.complete(
      ({ processes }) => processes.datapath !== before.processes.datapath,
    );
    expect(after.processes.backend).toBe(before.processes.backend);
    const reports = await eventually("both reports", () =>
      folder.reports().length >= 2 ? folder.reports() : null,
    );
    expect(reports).toEqual(["process-lost datapath", "process-restarted datapath"]);
    expect(server.stdout.match(/^ready /gm)).toHaveLength(1);
  });

  it("starts the backend again without touching the data path", async () => {
    folder.serve();
    const before = await folder.complete();
    process.kill(before.processes.backend ?? 0, "SIGKILL");
    const after = await folder.complete(
      ({ processes }) => processes.backend !== before.processes.backend,
    );
    expect(after.processes.datapath).toBe(before.processes.datapath);
  });
});

describe("a stop", () => {
  it("passes SIGTERM on to both and ends cleanly", async () => {
    const server = folder.serve();
    await server.ready();
    const { processes } = await folder.complete();
    process.kill(server.pid, "SIGTERM");
    expect(await server.ended).toBe(0);
    expect(isRunning(processes.datapath ?? 0)).toBe(false);
    expect(isRunning(processes.backend ?? 0)).toBe(false);
  });

  it("restarts nothing when a signal reaches the whole process group, as Ctrl-C does", async () => {
    const server = folder.serve();
    await server.ready();
    const { processes } = await folder.complete();
    process.kill(-server.pid, "SIGINT");
    expect(await server.ended).toBe(0);
    expect(isRunning(processes.datapath ?? 0)).toBe(false);
    expect(server.stderr).toBe("");
  });
});

describe("when its launcher is gone", () => {
  it.each([
    ["leave", true],
    ["stop", false],
  ] as const)("a supervisor told to %s its server does so", async (wish, runsOn) => {
    const server = folder.serve({}, wish);
    await server.ready();
    const { processes } = await folder.complete();
    server.child.disconnect();
    expect(await server.ended).toBe(runsOn ? 1 : 0);
    const pids = [processes.datapath ?? 0, processes.backend ?? 0];
    expect(pids.map(isRunning)).toEqual([runsOn, runsOn]);
  });
});

describe("[C4] after the supervisor was killed", () => {
  async function killed() {
    const first = folder.serve();
    await first.ready();
    const { processes } = await folder.complete();
    first.child.kill("SIGKILL");
    await first.ended;
    return { datapath: processes.datapath ?? 0, backend: processes.backend ?? 0 };
  }

  it("both run on, a new one adopts them, and its SIGTERM ends all", async () => {
    const left = await killed();
    expect([isRunning(left.datapath), isRunning(left.backend)]).toEqual([true, true]);
    const second = folder.serve();
    await second.ready();
    const { processes, server } = await folder.complete();
    expect(processes).toMatchObject({ ...left, supervisor: second.pid });
    expect(server.restartNeeded).toBe(false);
    await eventually("the report", () =>
      folder.reports().includes("process-restarted supervisor") ? true : null,
    );
    process.kill(second.pid, "SIGTERM");
    expect(await second.ended).toBe(0);
    expect([isRunning(left.datapath), isRunning(left.backend)]).toEqual([false, false]);
  });

  it("an adopted process that dies is started again", async () => {
    const left = await killed();
    const second = folder.serve();
    await second.ready();
    await folder.complete();
    process.kill(left.datapath, "SIGKILL");
    await folder.complete(({ processes }) => processes.datapath !== left.datapath);
    process.kill(left.backend, "SIGKILL");
    await folder.complete(({ processes }) => processes.backend !== left.backend);
  });

  it("other options leave the data path running, replace the backend, and show that a restart is needed", async () => {
    const left = await killed();
    const second = folder.serve({ advertise: "192.0.2.1" });
    await second.ready();
    const { processes, server } = await folder.complete(
      (status) => status.processes.backend !== left.backend,
    );
    expect(processes.datapath).toBe(left.datapath);
    expect(server.restartNeeded).toBe(true);
    expect(second.stderr).toContain("restart needed");
    process.kill(left.datapath, "SIGKILL");
    await gone(left.datapath);
    await folder.complete((status) => !status.server.restartNeeded);
  });

  it("a backend that lived alone is adopted beside a new data path", async () => {
    const left = await killed();
    process.kill(left.datapath, "SIGKILL");
    await gone(left.datapath);
    const second = folder.serve();
    await second.ready();
    const { processes } = await folder.complete();
    expect(processes.backend).toBe(left.backend);
    expect(processes.datapath).not.toBe(left.datapath);
  });
});
