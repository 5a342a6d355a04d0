/**
 * Makes the demo's pair and its LUN where they are missing, and leaves alone what a former run or the operator made
 * of them.
 */
import { connectLocal, type LocalClient, localActor } from "@lockstep/api/local";
import { Failure, type Lun } from "@lockstep/model";
import type { DemoPlan } from "./plan.ts";

const LUN_NAME = "demo";
const LUN_SIZE = "1GiB";
const LINK_TIMEOUT_S = 60;
const MIRRORED_TIMEOUT_S = 180;

/** States from which a mirrored LUN comes to `mirrored` by itself. */
const ON_ITS_WAY: readonly Lun["state"][] = [
  "initializing",
  "queueing",
  "probation",
  "replaying",
  "resyncing",
];

/** Resolves to the LUN as it is then; null if the operator has deleted it since. */
export async function setUp(plan: DemoPlan, say: (line: string) => void): Promise<Lun | null> {
  const alpha = await connectLocal(plan.alpha.data);
  const beta = await connectLocal(plan.beta.data);
  try {
    const isFirst = await pair(alpha, beta, say);
    await alpha.command("link.wait", { state: "up", timeoutS: LINK_TIMEOUT_S }, localActor());
    const lun = await findOrMakeLun(alpha, isFirst, say);
    if (lun === null || !lun.designated || !ON_ITS_WAY.includes(lun.state)) return lun;
    say(`mirroring the LUN ${lun.name} …`);
    return await waitMirrored(alpha, lun.name);
  } finally {
    alpha.close();
    beta.close();
  }
}

/** Resolves to whether the servers were paired just now. */
async function pair(
  alpha: LocalClient,
  beta: LocalClient,
  say: (line: string) => void,
): Promise<boolean> {
  const [atAlpha, atBeta] = await Promise.all([
    alpha.command("peer.show", {}, localActor()),
    beta.command("peer.show", {}, localActor()),
  ]);
  if (atAlpha !== null && atBeta !== null) return false;
  if (atAlpha !== null || atBeta !== null) {
    const paired = atAlpha === null ? "beta" : "alpha";
    throw new Failure(
      "refused",
      `only ${paired} knows of a pairing`,
      `end it with \`lockstep peer remove\` on ${paired}, or begin anew with another --data`,
    );
  }
  say("pairing alpha and beta …");
  const { code } = await alpha.command("peer.invite", {}, localActor());
  await beta.command("peer.join", { code }, localActor());
  return true;
}

/** A pair that exists already but has no such LUN was left so by its operator, or by a start that was cut short. */
async function findOrMakeLun(
  alpha: LocalClient,
  isFirst: boolean,
  say: (line: string) => void,
): Promise<Lun | null> {
  const luns = await alpha.command("lun.list", {}, localActor());
  const found = luns.find((lun) => lun.name === LUN_NAME);
  if (found !== undefined) return found;
  if (!isFirst && luns.length > 0) return null;
  say(`making the LUN ${LUN_NAME}, ${LUN_SIZE} …`);
  await alpha.command("lun.create", { name: LUN_NAME, size: LUN_SIZE }, localActor());
  return await alpha.command("lun.mirror", { name: LUN_NAME, on: true }, localActor());
}

async function waitMirrored(alpha: LocalClient, name: string): Promise<Lun> {
  const params = { name, state: "mirrored" as const, timeoutS: MIRRORED_TIMEOUT_S };
  try {
    return await alpha.command("lun.wait", params, localActor());
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "timeout") throw error;
    return await alpha.command("lun.show", { name }, localActor());
  }
}
