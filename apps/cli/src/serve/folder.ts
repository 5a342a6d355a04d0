/**
 * The data folder: made if missing, and held by one supervisor at a time. The hold is a listening socket in the
 * kernel's abstract namespace, named after the folder: it cannot outlive its process and leaves no file behind. The
 * data path locks the folder itself as well, for the sake of other machines and namespaces (SPEC C4).
 */
import { createHash } from "node:crypto";
import { mkdirSync, realpathSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { Failure } from "@lockstep/model";

const ANSWER_TIMEOUT_MS = 1000;

/** Makes the folder, readable by its owner only, and returns its real path. */
export function makeFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return realpathSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === "EACCES" || code === "EPERM" ? "permission denied" : (code ?? String(error));
    throw new Failure(
      "unavailable",
      `cannot use ${path} as data folder: ${why}`,
      "choose another with --data DIR",
    );
  }
}

/** Holds the folder as long as this process lives. Rejects with a Failure that names the process that has it. */
export async function holdFolder(realPath: string): Promise<Server> {
  const digest = createHash("sha256").update(realPath).digest("hex");
  const address = `\0lockstep-supervisor-${digest}`;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.end(String(process.pid));
  });
  const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    server.once("error", resolve);
    server.listen(address, () => resolve(null));
  });
  if (error === null) return server.unref();
  if (error.code !== "EADDRINUSE") throw error;
  const holder = await askHolder(address);
  throw new Failure(
    "refused",
    `data folder ${realPath} is in use by another lockstep serve${holder === null ? "" : ` (process ${holder})`}`,
    "stop that one first, or choose another folder with --data DIR",
  );
}

/** The process id that the holder tells; null when it does not answer. */
function askHolder(address: string): Promise<string | null> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(address);
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(/^\d{1,10}$/.test(text) ? text : null));
  });
}
