/** Writes a shared record and a socket parameter over and over, each of one number only, until it is told to stop. */
import { parentPort, workerData } from "node:worker_threads";
import { ConnectionArray } from "../connection-array.ts";

const { buffer, flag } = workerData as { buffer: SharedArrayBuffer; flag: SharedArrayBuffer };
const array = ConnectionArray.attach(buffer);
const stop = new Int32Array(flag);
parentPort?.postMessage("writing");
for (let i = 1; Atomics.load(stop, 0) === 0; i++) {
  const number = 1 + (i % 40_000);
  const settings = { t1: number, t2: number, t3: number, t4: number, probation: number };
  array.setSettings({ ...settings, connections: number }, number);
  array.out.setSocket(0, { host: `${number}`.repeat(number % 20), port: number });
}
