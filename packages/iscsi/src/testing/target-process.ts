/**
 * A whole target in one process, for tests with real initiators: the portal in the main thread, two workers, and one LUN
 * on a file that can be moved between them. Run as `target-process.ts '{"port":…,"file":…}'`; it prints "ready" and then
 * one line for each command it reads on standard input: "move", "sessions", "resize BYTES", "cache on|off", "close".
 */
import readline from "node:readline";
import { Worker } from "node:worker_threads";
import { Portal } from "../portal.ts";
import type { LoginHandoff } from "../session/session-state.ts";
import type { DrainedTarget } from "../target-server.ts";

export interface TargetProcessOptions {
  readonly port: number;
  readonly file: string;
  readonly iqn: string;
  readonly lun: number;
  readonly writeCache: boolean;
}

export type WorkerCommand =
  | { readonly kind: "start"; readonly drained: DrainedTarget | null }
  | { readonly kind: "login"; readonly handoff: LoginHandoff }
  | { readonly kind: "drain" }
  | { readonly kind: "sessions" }
  | { readonly kind: "resize"; readonly bytes: number }
  | { readonly kind: "cache"; readonly on: boolean }
  | { readonly kind: "close" };

export type WorkerAnswer =
  | { readonly kind: "done"; readonly text: string }
  | { readonly kind: "drained"; readonly drained: DrainedTarget };

const options = JSON.parse(process.argv[2] as string) as TargetProcessOptions;
const workers = [0, 1].map(
  () => new Worker(new URL("./target-worker.ts", import.meta.url), { workerData: options }),
);
let owner = 0;

function ask(index: number, command: WorkerCommand): Promise<WorkerAnswer> {
  const worker = workers[index] as Worker;
  return new Promise((resolve) => {
    worker.once("message", resolve);
    worker.postMessage(command);
  });
}

function onLogin(handoff: LoginHandoff): void {
  (workers[owner] as Worker).postMessage({ kind: "login", handoff } satisfies WorkerCommand);
}

const address = { host: "127.0.0.1", port: options.port };
const portal = new Portal({
  listen: [address],
  catalogue: () => [{ iqn: options.iqn, portals: [`127.0.0.1:${options.port},1`] }],
  onLogin,
});

async function move(): Promise<string> {
  const answer = await ask(owner, { kind: "drain" });
  if (answer.kind !== "drained") return "no target";
  owner = 1 - owner;
  await ask(owner, { kind: "start", drained: answer.drained });
  return `moved ${answer.drained.sessions.length}`;
}

async function carryOut(line: string): Promise<string> {
  const [command, value] = line.split(" ");
  if (command === "move") return move();
  if (command === "counters") return JSON.stringify(portal.counters);
  const messages: Record<string, WorkerCommand> = {
    sessions: { kind: "sessions" },
    resize: { kind: "resize", bytes: Number(value) },
    cache: { kind: "cache", on: value === "on" },
    close: { kind: "close" },
  };
  const answer = await ask(owner, messages[command as string] as WorkerCommand);
  return answer.kind === "done" ? answer.text : answer.kind;
}

await ask(owner, { kind: "start", drained: null });
await portal.listen();
process.stdout.write("ready\n");
for await (const line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(`${await carryOut(line)}\n`);
}
process.exit(0);
