/** Issue test 2: what is on the mirror when, in synchronous and in asynchronous mode. */
import { randomInt } from "node:crypto";
import { expect, it } from "vitest";
import { stageForEachTest } from "../src/each-test.ts";
import { eventually } from "../src/eventually.ts";
import { expectNothingLost, moreAnswers, startHost } from "../src/host.ts";
import { firstDifference, readRange } from "../src/images.ts";
import { NbdSession } from "../src/initiators.ts";
import { Pair } from "../src/pair.ts";
import { blockContents } from "../src/writer.ts";

const WRITES_AT_DEPTH_1 = 300;
const PAUSES = 5;
const ASYNC_LAG_MS = 1_000;
const stage = stageForEachTest();

it("[W5] synchronous, depth 1: when the host is answered, the range is the same on both servers", async () => {
  const pair = await Pair.start(stage());
  const lun = await pair.createMirroredLun("disk", "64MiB", "sync");
  const images = await pair.images("disk");
  const session = await NbdSession.open(stage(), pair.alpha, lun);
  const client = await session.client();
  const seed = randomInt(2 ** 31);
  console.log(`seed ${seed}`);
  for (let sequence = 0; sequence < WRITES_AT_DEPTH_1; sequence++) {
    const length = 512 * (1 + ((seed + sequence * 7919) % 64));
    const offset = 512 * ((seed * 31 + sequence * 104_729) % ((lun.sizeBytes - length) / 512));
    const contents = blockContents(offset / 512, sequence, length);
    const errno = await new Promise<number>((done) => client.write(offset, contents, done));
    expect(errno).toBe(0);
    expect(
      (await readRange(images.beta, offset, length)).equals(contents),
      `mirror, write ${sequence}`,
    ).toBe(true);
    expect(
      (await readRange(images.alpha, offset, length)).equals(contents),
      `primary, write ${sequence}`,
    ).toBe(true);
  }
  client.close();
});

it("[W5] synchronous, depth 32: the images are byte-identical whenever the host pauses", async () => {
  const pair = await Pair.start(stage());
  const lun = await pair.createMirroredLun("disk", "64MiB", "sync");
  const images = await pair.images("disk");
  const host = await startHost(stage(), pair.alpha, lun, { writesPerSecond: 5_000 });
  for (let pause = 0; pause < PAUSES; pause++) {
    await moreAnswers(host, 2_000);
    await host.pause();
    expect(await firstDifference(images.alpha, images.beta), `pause ${pause}`).toBeNull();
    host.resume();
  }
  await host.stop();
  await expectNothingLost(host, [images.alpha, images.beta]);
});

it("[W6] asynchronous: the images are identical within a second of the last write", async () => {
  const pair = await Pair.start(stage());
  const lun = await pair.createMirroredLun("disk", "64MiB", "async");
  const images = await pair.images("disk");
  const host = await startHost(stage(), pair.alpha, lun, { writesPerSecond: 5_000 });
  for (let pause = 0; pause < PAUSES; pause++) {
    await moreAnswers(host, 2_000);
    await host.pause();
    const left = host.lastAnswerAt + ASYNC_LAG_MS - Date.now();
    await eventually("the images to be identical", left, async () => {
      return (await firstDifference(images.alpha, images.beta)) === null;
    });
    host.resume();
  }
  await host.stop();
  await expectNothingLost(host, [images.alpha]);
});
