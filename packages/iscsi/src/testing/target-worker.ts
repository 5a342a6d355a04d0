/** A worker of `target-process.ts`: a target server with at most one target, whose file it opens while it owns it. */
import { parentPort, workerData } from "node:worker_threads";
import { type FileDevice, openFile } from "@lockstep/block";
import type { LogicalUnit } from "../scsi/unit.ts";
import { TargetServer } from "../target-server.ts";
import type { TargetProcessOptions, WorkerAnswer, WorkerCommand } from "./target-process.ts";

const options = workerData as TargetProcessOptions;
const port = parentPort as NonNullable<typeof parentPort>;
const server = new TargetServer({ portals: () => [`127.0.0.1:${options.port},1`] });
let device: FileDevice | null = null;
let unit: LogicalUnit | null = null;

function answer(message: WorkerAnswer): void {
  port.postMessage(message);
}

function start(command: WorkerCommand & { kind: "start" }): void {
  device = openFile(options.file);
  const identity = { uuid: "6f1f3d0c-55c2-4a6b-9a3e-6f5cf2f0a001", name: "test" };
  unit = { number: options.lun, device, identity, writeCache: options.writeCache };
  server.addTarget(options.iqn, [unit]);
  if (command.drained) server.resume(command.drained);
  answer({ kind: "done", text: "started" });
}

function take(command: WorkerCommand): void {
  switch (command.kind) {
    case "start":
      start(command);
      return;
    case "login":
      server.adopt(command.handoff);
      return;
    case "drain":
      server.drain(options.iqn, (drained) => {
        device?.close(() => answer({ kind: "drained", drained }));
      });
      return;
    case "sessions":
      answer({ kind: "done", text: JSON.stringify(server.sessions(options.iqn)) });
      return;
    case "resize":
      device?.resize(command.bytes, (error) => {
        server.unitChanged(options.iqn, options.lun, "capacity");
        answer({ kind: "done", text: error ? error.code : "resized" });
      });
      return;
    case "cache":
      if (unit) unit.writeCache = command.on;
      server.unitChanged(options.iqn, options.lun, "mode");
      answer({ kind: "done", text: "set" });
      return;
    case "close":
      server.closeTarget(options.iqn, () => answer({ kind: "done", text: "closed" }));
  }
}

port.on("message", take);
