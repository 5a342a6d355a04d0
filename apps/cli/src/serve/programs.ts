/** What the two processes of a server are started from. */
import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ServeOptions } from "@lockstep/model";
import { fingerprintOf, type Role } from "./record.ts";
import type { Launch } from "./running-process.ts";

interface Program {
  file: string;
  nodeFlags: string[];
}
export type Programs = Record<Role, Program>;

const apps = new URL("../../../", import.meta.url);

export const lockstepPrograms: Programs = {
  datapath: { file: fileURLToPath(new URL("datapath/src/main.ts", apps)), nodeFlags: [] },
  backend: { file: fileURLToPath(new URL("backend/src/main.ts", apps)), nodeFlags: [] },
};

/** Compiled code lies with the code, where that may be written; else each server keeps its own. */
function compiledCode(data: string): string {
  const shared = fileURLToPath(new URL("../node_modules/.cache/lockstep", apps));
  try {
    mkdirSync(shared, { recursive: true });
    accessSync(shared, constants.W_OK);
    return shared;
  } catch {
    return join(data, "cache");
  }
}

/** Threads of the data path that files are synced on: one slow disk must not hold up the others' commits. */
const FILE_THREADS = "16";

/**
 * A command line is open to all users of the machine, an environment only to its owner: the database's address, which
 * holds a password, goes to the backend by DATABASE_URL, and no secret goes to the data path, which needs none.
 */
export function launchOf(role: Role, programs: Programs, options: ServeOptions): Launch {
  const { databaseUrl, ...open } = options;
  const { DATABASE_URL: _url, LOCKSTEP_ADMIN_PASSWORD: password, ...env } = process.env;
  const secrets = {
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...(password === undefined ? {} : { LOCKSTEP_ADMIN_PASSWORD: password }),
  };
  const common = {
    // Threads are started anew with each set of connections: from compiled code that takes a quarter of the time.
    NODE_COMPILE_CACHE: compiledCode(options.data),
    UV_THREADPOOL_SIZE: FILE_THREADS,
    ...env,
  };
  return {
    ...programs[role],
    args: [JSON.stringify(open)],
    env: role === "backend" ? { ...common, ...secrets } : common,
    logPath: join(options.data, "log", `${role}.log`),
    fingerprint: fingerprintOf(options),
  };
}
