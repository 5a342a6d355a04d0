/**
 * Issue test 1: real initiators discover, log in, write, read back; a file system made through one
 * passes fsck.
 */
import { createHash, randomBytes } from "node:crypto";
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Lun } from "@lockstep/model";
import { expect, it } from "vitest";
import { stageForEachTest } from "../src/each-test.ts";
import { firstDifference } from "../src/images.ts";
import { initiator, lunUrl, qemuIo, tryInitiator, withLunAsFile } from "../src/initiators.ts";
import { must } from "../src/processes.ts";
import { StorageServer } from "../src/server.ts";
import type { Stage } from "../src/stage.ts";

const MIB = 2 ** 20;
const stage = stageForEachTest();

async function serverWithLun(
  on: Stage,
  size: string,
): Promise<{ server: StorageServer; lun: Lun }> {
  const server = await StorageServer.start(on, { name: "alpha" });
  await server.cli("lun", "create", "disk", "--size", size);
  return { server, lun: await server.lun("disk") };
}

it("[S2] libiscsi's tools discover the target, log in and tell its identity and size", async () => {
  const { server, lun } = await serverWithLun(stage(), "64MiB");
  const listed = await initiator(server, ["iscsi-ls", "-s", `iscsi://${server.portal}`]);
  expect(listed).toContain(`Target:${lun.target.iqn}`);
  expect(listed).toMatch(/Lun:0\s+Type:DIRECT_ACCESS/);
  const inquiry = await initiator(server, ["iscsi-inq", lunUrl(server, lun)]);
  expect(inquiry).toMatch(/Peripheral Device Type:DIRECT_ACCESS/);
  const identity = await initiator(server, [
    "iscsi-inq",
    "-e",
    "1",
    "-c",
    "131",
    lunUrl(server, lun),
  ]);
  expect(identity).toMatch(/NAA/);
  const capacity = await initiator(server, ["iscsi-readcapacity16", lunUrl(server, lun)]);
  expect(capacity).toMatch(new RegExp(`Total size:${lun.sizeBytes}`));
  await initiator(server, [
    "iscsi-perf",
    "-r",
    "-b",
    "8",
    "-m",
    "32",
    "-t",
    "2",
    lunUrl(server, lun),
  ]);
});

it("[W1] libiscsi's test suite writes, reads back, flushes and unmaps without a failure", async () => {
  const { server, lun } = await serverWithLun(stage(), "64MiB");
  const families = [
    "Read10",
    "Read16",
    "Write10",
    "Write16",
    "TestUnitReady",
    "ReadCapacity10",
    "ReadCapacity16",
  ];
  for (const family of families) {
    const argv = ["iscsi-test-cu", "--dataloss", `--test=SCSI.${family}`, lunUrl(server, lun)];
    const { status, stdout, stderr } = await tryInitiator(server, argv);
    expect(status, `${family}: ${stdout}${stderr}`).toBe(0);
    expect(stdout, family).toMatch(/asserts\s+\d+\s+\d+\s+\d+\s+0\s/);
  }
});

it("[W1] qemu-img and qemu-io write an image, read it back and find zeroes where nothing was written", async () => {
  const { server, lun } = await serverWithLun(stage(), "64MiB");
  const source = join(stage().folder, "source.img");
  await writeFile(source, randomBytes(24 * MIB));
  await truncate(source, lun.sizeBytes);
  const url = lunUrl(server, lun);
  await initiator(server, ["qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", source, url]);
  expect(
    await initiator(server, ["qemu-img", "compare", "-f", "raw", "-F", "raw", source, url]),
  ).toContain("Images are identical.");
  const back = join(stage().folder, "back.img");
  await initiator(server, ["qemu-img", "convert", "-f", "raw", "-O", "raw", url, back]);
  expect(await firstDifference(source, back)).toBeNull();
  expect(await firstDifference(source, lun.backing.path)).toBeNull();
  await qemuIo(server, lun, [
    "write -P 0x5a 4096 1M",
    "discard 8M 4M",
    "flush",
    "read -P 0x5a 4096 1M",
    "read -P 0 8M 4M",
  ]);
});

it("[W1] mkfs.ext4 on the LUN through a real initiator passes fsck, also on the backing itself", async () => {
  const { server, lun } = await serverWithLun(stage(), "64MiB");
  const payload = randomBytes(5 * MIB);
  const file = join(stage().folder, "payload");
  await writeFile(file, payload);
  await withLunAsFile(stage(), server, lun, async (disk) => {
    await must(["mkfs.ext4", "-q", "-F", disk]);
    await must(["debugfs", "-w", "-R", `write ${file} payload`, disk]);
    await must(["fsck.ext4", "-f", "-n", disk]);
  });
  await must(["fsck.ext4", "-f", "-n", lun.backing.path]);
  const found = join(stage().folder, "found");
  await must(["debugfs", "-R", `dump payload ${found}`, lun.backing.path]);
  const sum = (await must(["sha256sum", found])).split(" ")[0];
  expect(sum).toBe(createHash("sha256").update(payload).digest("hex"));
});
