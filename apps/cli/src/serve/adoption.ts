/** Finds what a killed supervisor left running on a data folder (SPEC C4). */
import { connectLocal } from "@lockstep/api/local";
import { Failure } from "@lockstep/model";
import {
  isAlive,
  type ProcessRecord,
  readRecord,
  type ServeRecord,
  startTicksOf,
} from "./record.ts";

/** Fits no options: what was started by somebody else, or before the record could be written. */
const UNKNOWN_FINGERPRINT = "";

/** The processes that live: those of the record, else those that a data path on the folder tells of. */
export async function findRunning(data: string): Promise<ServeRecord> {
  const { datapath, backend } = readRecord(data);
  const found: ServeRecord = {
    datapath: datapath !== null && isAlive(datapath) ? datapath : null,
    backend: backend !== null && isAlive(backend) ? backend : null,
  };
  if (found.datapath !== null && found.backend !== null) return found;
  const told = await askDataPath(data);
  return { datapath: found.datapath ?? told.datapath, backend: found.backend ?? told.backend };
}

async function askDataPath(data: string): Promise<ServeRecord> {
  try {
    const client = await connectLocal(data);
    const { processes } = await client.command("status", {}, { who: "system", from: "supervisor" });
    client.close();
    return { datapath: recordOf(processes.datapath), backend: recordOf(processes.backend) };
  } catch (error) {
    if (error instanceof Failure) return { datapath: null, backend: null };
    throw error;
  }
}

function recordOf(pid: number | null): ProcessRecord | null {
  const startTicks = pid === null ? null : startTicksOf(pid);
  if (pid === null || startTicks === null) return null;
  return { pid, startTicks, fingerprint: UNKNOWN_FINGERPRINT };
}
