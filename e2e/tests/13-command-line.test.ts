/**
 * The command line as scripts rely on it: exit statuses, one clear sentence on failure, help for every
 * command, and a server that stops cleanly, starts again with all it had, and refuses what is taken.
 */
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { stageForEachTest } from "../src/each-test.ts";
import { qemuIo } from "../src/initiators.ts";
import { freePort } from "../src/ports.ts";
import { type Outcome, processesOf } from "../src/processes.ts";
import { lockstep, StorageServer } from "../src/server.ts";

const stage = stageForEachTest();

/** One sentence (a hint may follow below it), never a stack. */
function expectOneSentence({ stderr, stdout }: Outcome): void {
  const text = stderr.trim() || stdout.trim();
  expect(text).toMatch(/^lockstep: .+/);
  expect(text).not.toMatch(/^\s+at .+:\d+:\d+/m);
  expect(text.split("\n").length).toBeLessThanOrEqual(2);
}

const COMMANDS = [
  "serve",
  "demo",
  "status",
  "peer invite",
  "peer join",
  "peer show",
  "peer remove",
  "link show",
  "link set",
  "link wait",
  "lun create",
  "lun list",
  "lun show",
  "lun resize",
  "lun delete",
  "lun mirror",
  "lun mode",
  "lun pause",
  "lun resume",
  "lun set",
  "lun wait",
  "outage list",
  "outage show",
  "event list",
  "drill start",
  "drill stop",
  "doctor",
];

it("[C3] every command has its help", async () => {
  for (const command of COMMANDS) {
    const { status, stdout } = await lockstep([...command.split(" "), "--help"]);
    expect(status, command).toBe(0);
    expect(stdout, command).toContain(`lockstep ${command}`);
  }
});

it("[C2] exit statuses: 2 usage, 3 unreachable, 1 failed, 4 refused by a rule", async () => {
  const server = await StorageServer.start(stage(), { name: "alpha" });
  const data = ["--data", server.data];
  await server.cli("lun", "create", "disk", "--size", "16MiB");
  const used = join(stage().folder, "used.img");
  await writeFile(used, Buffer.alloc(2 ** 20, 1));
  const size = ["--size", "1MiB"];
  const expected: [status: number, args: string[]][] = [
    [2, ["no-such-command"]],
    [2, [...data, "lun", "create", "other", "--size", "12 parsecs"]],
    [2, [...data, "lun", "create", "Not A Name", ...size]],
    [2, [...data, "link", "set", "--t2", "5000"]],
    [2, ["status"]],
    [3, ["--data", join(stage().folder, "nothing-here"), "status"]],
    [1, [...data, "lun", "show", "no-such-lun"]],
    [4, [...data, "lun", "create", "disk", ...size]],
    [4, [...data, "lun", "create", "other", ...size, "--backing", used]],
    [4, [...data, "lun", "mirror", "disk", "on"]],
    [1, [...data, "lun", "wait", "disk", "mirrored", "--timeout", "0.5"]],
  ];
  for (const [status, args] of expected) {
    const outcome = await lockstep(args);
    expect(outcome.status, `lockstep ${args.join(" ")}: ${outcome.stderr}`).toBe(status);
    expectOneSentence(outcome);
  }
  const waited = await lockstep([...data, "lun", "wait", "disk", "mirrored", "--timeout", "0.5"]);
  expect(waited.stderr).toContain("unmirrored");
  expect((await server.lun("disk")).sizeBytes).toBe(16 * 2 ** 20);
});

it("[C4] SIGTERM stops a server cleanly, and a second start finds everything as it was", async () => {
  const server = await StorageServer.start(stage(), { name: "alpha" });
  await server.cli("lun", "create", "disk", "--size", "16MiB");
  const before = await server.lun("disk");
  await qemuIo(server, before, ["write -P 0x77 1M 1M", "flush"]);
  await server.waitForBackend();
  expect(await server.stop()).toBe(0);
  expect(processesOf(server.data)).toEqual([]);
  await server.launch();
  const after = await server.lun("disk");
  expect({ ...after, sessions: null, counters: null }).toEqual({
    ...before,
    sessions: null,
    counters: null,
  });
  await qemuIo(server, after, ["read -P 0x77 1M 1M", "read -P 0 2M 1M"]);
});

it("[C4] a port that is taken and a data folder in use are one clear sentence each", async () => {
  const server = await StorageServer.start(stage(), { name: "alpha" });
  const second = await lockstep(server.serveArgs());
  expect(second.status).toBe(4);
  expectOneSentence(second);
  expect(second.stderr).toContain(server.data);
  expect(second.stderr).toMatch(/in use/);

  const taken = await freePort();
  const holder = createServer().listen(taken, "127.0.0.1");
  stage().defer(() => void holder.close());
  const other = join(stage().folder, "beta");
  const args = server.serveArgs().map((arg) => (arg === server.data ? other : arg));
  for (const option of ["--iscsi", "--mirror", "--api"]) {
    const ports = { "--iscsi": 0, "--mirror": 0, "--api": 0, "--heartbeat": 0, [option]: taken };
    const own = args.map((arg, i) => {
      const port = ports[args[i - 1] as keyof typeof ports];
      return port === undefined ? arg : `127.0.0.1:${port}`;
    });
    const refused = await lockstep(own);
    expect(refused.status, `${option}: ${refused.stderr}`).not.toBe(0);
    expectOneSentence(refused);
    expect(refused.stderr).toContain(String(taken));
  }
  expect(processesOf(other)).toEqual([]);
});
