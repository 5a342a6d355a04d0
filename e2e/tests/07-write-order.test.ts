/**
 * Issue test 7, the write-order promise: chains of dependent writes over several sessions to one
 * LUN and to several LUNs, asynchronous, four connections. Whenever the primary is killed, the
 * mirror's copy of each is a gap-free prefix.
 */
import { expect, it } from "vitest";
import { stageForEachTest } from "../src/each-test.ts";
import { eventually } from "../src/eventually.ts";
import { Chain } from "../src/numbered-writes.ts";
import { Pair, SHORT_TIMES } from "../src/pair.ts";

const ROUNDS = 3;
const WRITES_PER_ROUND = 2_000;
const LUNS = [
  { name: "many-sessions", sessions: 4 },
  { name: "second", sessions: 2 },
  { name: "third", sessions: 1 },
];
const stage = stageForEachTest();

it("[W4] at any moment the mirror's copies are gap-free prefixes of what hosts wrote", async () => {
  const pair = await Pair.start(stage(), { times: { ...SHORT_TIMES, connections: 4 } });
  const { alpha, beta } = pair;
  const chains: Chain[] = [];
  for (const { name } of LUNS)
    chains.push(new Chain(await pair.createMirroredLun(name, "16MiB", "async")));
  let found = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    for (const chain of chains) await alpha.waitLun(chain.lun.name, "mirrored", 60);
    await Promise.all(
      chains.map((chain, i) => chain.start(stage(), alpha, LUNS[i]?.sessions ?? 1)),
    );
    const goals = chains.map((chain) => chain.acknowledged + WRITES_PER_ROUND);
    await eventually("the hosts' writes", 60_000, () =>
      chains.every((c, i) => c.acknowledged >= (goals[i] ?? 0)),
    );
    await alpha.killAll();
    await Promise.all(chains.map((chain) => chain.abandon()));
    await beta.waitLink("interrupted", 10);
    for (const chain of chains) {
      const mirrored = await chain.prefixIn((await beta.lun(chain.lun.name)).backing.path);
      // One more may have reached both before its answer reached the host.
      expect(mirrored).toBeLessThanOrEqual(chain.acknowledged + 1);
      expect(mirrored).toBeGreaterThan(0);
      expect(await chain.prefixIn(chain.lun.backing.path)).toBeGreaterThanOrEqual(
        chain.acknowledged,
      );
      found += mirrored;
    }
    await alpha.launch();
  }
  expect(found).toBeGreaterThan(0);
});
