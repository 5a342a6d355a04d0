/**
 * The target as hosts meet it: a process with a portal thread and two workers, and initiators of others (libiscsi's
 * tools, qemu) beside our own.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Initiator } from "./testing/initiator.ts";

const run = promisify(execFile);
const PORT = 23_010;
/** A name of this run alone: an initiator left over from another run would go on writing to the same one. */
const IQN = `iqn.2026-11.dev.lockstep:test.real-${process.pid}`;
const SIZE_BYTES = 64 * 1024 * 1024;
const url = `iscsi://127.0.0.1:${PORT}/${IQN}/0`;
const TOOL_LIMIT_MS = 30_000;

let folder: string;
let target: ChildProcess;
const answers: ((line: string) => void)[] = [];

function tell(command: string): Promise<string> {
  target.stdin?.write(`${command}\n`);
  return nextLine();
}

function nextLine(): Promise<string> {
  return new Promise((resolve) => {
    answers.push(resolve);
  });
}

/** Ends tools that a failed test leaves behind: they would connect again for ever. */
const leftovers = new AbortController();

async function tool(name: string, ...args: string[]): Promise<string> {
  const { signal } = leftovers;
  const { stdout, stderr } = await run(name, args, { timeout: TOOL_LIMIT_MS, signal });
  return stdout + stderr;
}

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "iscsi-real-"));
  const file = path.join(folder, "disk");
  fs.writeFileSync(file, "");
  fs.truncateSync(file, SIZE_BYTES);
  const options = { port: PORT, file, iqn: IQN, lun: 0, writeCache: true };
  const script = new URL("./testing/target-process.ts", import.meta.url).pathname;
  target = spawn(process.execPath, [script, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  readline.createInterface({ input: target.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    answers.shift()?.(line);
  });
  expect(await nextLine()).toBe("ready");
});

afterAll(() => {
  leftovers.abort();
  target.kill();
  fs.rmSync(folder, { recursive: true });
});

describe("real initiators", () => {
  it("discover, identify and measure the LUN", async () => {
    expect(await tool("iscsi-ls", "-s", `iscsi://127.0.0.1:${PORT}`)).toContain(`Target:${IQN}`);
    expect(await tool("iscsi-inq", url)).toContain("Vendor:LOCKSTEP");
    expect(await tool("iscsi-inq", "-e", "1", "-c", "131", url)).toContain("LOCKSTEP");
    expect(await tool("iscsi-readcapacity16", url)).toContain(`Total size:${SIZE_BYTES}`);
  });

  it("write, read back, flush and discard with qemu-io", async () => {
    const commands = [
      ["write -P 0xaa 0 4k", "write -P 0xbb 1M 3M", "write -P 7 511 1", "flush"],
      ["read -P 0xaa 0 511", "read -P 7 511 1", "read -P 0xbb 1M 3M", "discard 1M 1M"],
      ["read -P 0 1M 1M", "read -P 0xbb 2M 2M", "write -z 2M 64k", "read -P 0 2M 64k"],
    ].flat();
    const args = commands.flatMap((command) => ["-c", command]);
    expect(await tool("qemu-io", "-f", "raw", ...args, url)).not.toMatch(/fail|error/i);
  });

  it("copy an image on it that is the same in the file", async () => {
    const source = path.join(folder, "source");
    const pattern = Buffer.alloc(SIZE_BYTES, Buffer.from("a pattern of odd length"));
    fs.writeFileSync(source, pattern);
    await tool("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", source, url);
    expect(fs.readFileSync(path.join(folder, "disk")).equals(pattern)).toBe(true);
    await tool("qemu-img", "compare", "-f", "raw", "-F", "raw", source, url);
  });

  it("[S1] notice nothing while the target moves between two workers 20 times", async () => {
    let isMoving = true;
    // 8000 times 4 KiB: the lower half of the disk. The lanes below have the upper half.
    const args = ["bench", "-f", "raw", "-w", "-c", "8000", "-d", "32", url];
    let benches = 0;
    const bench = async () => {
      for (; isMoving; benches++) {
        expect(await tool("qemu-img", ...args)).toContain("Run completed");
      }
    };
    const benching = bench();
    const own = await Initiator.connect({ port: PORT, targetName: IQN });
    let rounds = 0;
    const load = async (lane: number) => {
      const base = SIZE_BYTES / 2 + lane * 1024 * 1024;
      for (let round = 0; isMoving; round++) {
        const data = Buffer.alloc(round % 5 === 0 ? 600 * 1024 : 4096, round + lane);
        await own.write(base, data);
        expect((await own.read(base, data.length)).equals(data)).toBe(true);
        rounds++;
      }
    };
    const lanes = Array.from({ length: 8 }, (_, lane) => load(lane));
    for (let i = 0; i < 20; i++) {
      const before = rounds;
      while (rounds < before + 8) await own.ping();
      expect(await tell("move")).toMatch(/^moved [12]$/);
    }
    isMoving = false;
    await Promise.all(lanes);
    await benching;
    await own.logout();
    expect(benches).toBeGreaterThan(0);
    expect(rounds).toBeGreaterThan(160);
    expect(await tell("sessions")).toBe("[]");
  });

  it("[S2] all came through the portal, and none is left there", async () => {
    const counters = JSON.parse(await tell("counters"));
    expect(counters.accepted).toBe(counters.handedOver + counters.discoveries);
    expect(counters.rejected).toBe(0);
  });
});
