/**
 * Stands in for the data path in tests of the supervisor: speaks the local protocol as far as a supervisor uses it,
 * and notes in `DIR/heard.jsonl` all it is told. `DIR/refuse` makes it end as a data path whose folder is locked.
 */
import assert from "node:assert/strict";
import { appendFileSync, existsSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { sampleStatus } from "@lockstep/api/testing";
import {
  LocalRequest,
  processMessages,
  ServeOptions,
  SOCKET_NAME,
  type Status,
} from "@lockstep/model";

const options = ServeOptions.parse(JSON.parse(process.argv[2] ?? ""));
const socketPath = join(options.data, SOCKET_NAME);
const pids: Record<"supervisor" | "backend", number | null> = { supervisor: null, backend: null };
const subscribers = new Set<Socket>();
let restartNeeded = false;

function status(): Status {
  const sample = sampleStatus(options.name);
  return {
    ...sample,
    server: { ...sample.server, restartNeeded },
    processes: { ...pids, datapath: process.pid, database: null },
  };
}

function push(): void {
  const line = `${JSON.stringify({ push: "status", data: status() })}\n`;
  for (const socket of subscribers) socket.write(line);
}

function answer(request: LocalRequest, socket: Socket): unknown {
  appendFileSync(join(options.data, "heard.jsonl"), `${JSON.stringify(request)}\n`);
  if (request.method === "hello") {
    const hello = processMessages.hello.parse(request.params);
    pids[hello.role] = hello.pid;
    if (hello.role === "supervisor") restartNeeded = hello.restartNeeded;
    socket.once("close", () => {
      if (pids[hello.role] === hello.pid) pids[hello.role] = null;
      push();
    });
    push();
  }
  if (request.method === "subscribe") {
    subscribers.add(socket);
    socket.once("close", () => subscribers.delete(socket));
  }
  return request.method === "status" ? status() : null;
}

const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  createInterface({ input: socket }).on("line", (line) => {
    const request = LocalRequest.parse(JSON.parse(line)) as LocalRequest;
    socket.write(`${JSON.stringify({ id: request.id, result: answer(request, socket) })}\n`);
  });
});

if (existsSync(join(options.data, "refuse"))) {
  console.error(`data folder ${options.data} is locked by process 1`);
  process.exit(4);
}
assert(!process.argv[2]?.includes("secret"), "a secret is on the command line");
assert(process.env.DATABASE_URL === undefined, "the data path needs no database");
rmSync(socketPath, { force: true });
server.listen(socketPath);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    rmSync(socketPath, { force: true });
    process.exit(0);
  });
}
