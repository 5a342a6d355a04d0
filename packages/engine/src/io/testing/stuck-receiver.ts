/** The receiver thread, which hangs for good soon after it began to hear the peer, at its first start only (SPEC H5). */
import { workerData } from "node:worker_threads";
import { ConnectionArray } from "../connection-array.ts";
import type { ThreadData } from "../heartbeat-protocol.ts";

const HEARD_BEFORE = 10;

const { buffer, start } = workerData as ThreadData;
const array = ConnectionArray.attach(buffer);
if (start === 0) {
  setInterval(() => {
    if (array.figures().received < HEARD_BEFORE) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }, 5);
}
await import("../heartbeat-receiver.ts");
