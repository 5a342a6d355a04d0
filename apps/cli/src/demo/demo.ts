/**
 * `lockstep demo`: starts alpha and beta, pairs them, makes the mirrored LUN `demo`, and says how to use it. Ctrl-C
 * stops both cleanly; a second start finds everything as it was.
 */
import { Failure } from "@lockstep/model";
import { painterFor } from "../output/painter.ts";
import { followLauncher } from "../serve/orphan.ts";
import { type DemoFlags, planOf } from "./plan.ts";
import { ServerProcess } from "./server-process.ts";
import { setUp } from "./setup.ts";
import { welcome } from "./welcome.ts";

const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
/** The first start of an embedded database takes seconds, on a busy machine tens of seconds. */
const CONSOLE_LIMIT_MS = 90_000;
const CONSOLE_LOOK_MS = 300;

const say = (line: string) => void process.stdout.write(`${line}\n`);

export async function demo(flags: DemoFlags): Promise<void> {
  const plan = planOf(flags);
  const stop = new AbortController();
  const requestStop = () => stop.abort();
  for (const signal of STOP_SIGNALS) process.on(signal, requestStop);
  followLauncher(requestStop);

  say("starting alpha and beta …");
  const servers = [new ServerProcess(plan.alpha), new ServerProcess(plan.beta)];
  try {
    await Promise.race([
      aborted(stop.signal),
      anyEnd(servers),
      present(plan, servers, stop.signal),
    ]);
    await Promise.race([aborted(stop.signal), anyEnd(servers)]);
    say("\nstopping …");
  } finally {
    stop.abort();
    for (const server of servers) server.stop();
    await Promise.all(servers.map((server) => server.ended));
    for (const signal of STOP_SIGNALS) process.off(signal, requestStop);
  }
  say("stopped; the data stays, and `npm start` goes on from there");
}

async function present(
  plan: ReturnType<typeof planOf>,
  servers: ServerProcess[],
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(servers.map((server) => server.ready));
  const lun = await setUp(plan, say);
  say("waiting for the consoles …");
  const [alpha, beta] = await Promise.all([
    consoleIsUp(plan.alpha.api, signal),
    consoleIsUp(plan.beta.api, signal),
  ]);
  if (signal.aborted) return;
  say(`\n${welcome(plan, lun, { alpha, beta }, painterFor(process.stdout))}\n`);
  say("ready alpha and beta: Ctrl-C stops");
}

/** Rejects when a server ends, which none should while the demo runs; why it could not start is `ready`'s to tell. */
async function anyEnd(servers: ServerProcess[]): Promise<never> {
  return await Promise.race(
    servers.map(async (server) => {
      await server.ended;
      await server.ready;
      throw new Failure(
        "unavailable",
        `${server.options.name} ended`,
        `see ${server.options.data}/log`,
      );
    }),
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Whether the backend says in time that it is ready, its database included. */
async function consoleIsUp(api: string, signal: AbortSignal): Promise<boolean> {
  const giveUpAt = Date.now() + CONSOLE_LIMIT_MS;
  while (!signal.aborted && Date.now() < giveUpAt) {
    if (await answersReady(api)) return true;
    await new Promise((resolve) => setTimeout(resolve, CONSOLE_LOOK_MS));
  }
  return false;
}

async function answersReady(api: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${api}/readyz`, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
