/**
 * Real initiators: qemu-img, qemu-io and libiscsi's tools run to their end; `qemu-nbd` and
 * `qemu-storage-daemon` stay and offer the LUN as an NBD socket or as a file. All of them reach the
 * target through libiscsi. They run where the server does, in its network namespace.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Lun } from "@lockstep/model";
import { eventually } from "./eventually.ts";
import { NbdClient } from "./nbd-client.ts";
import { type Background, must, type Outcome, run, signalProcess } from "./processes.ts";
import type { StorageServer } from "./server.ts";
import type { Stage } from "./stage.ts";

const START_TIMEOUT_MS = 20_000;
/** qemu-nbd carries out at most 16 requests of one client at a time. */
const REQUESTS_PER_NBD_CLIENT = 16;
const NBD_CLIENTS = 4;

export function lunUrl(server: StorageServer, lun: Lun): string {
  return `iscsi://${server.portal}/${lun.target.iqn}/${lun.number}`;
}

function inside(server: StorageServer, argv: readonly string[]): string[] {
  return server.namespace?.asUser(argv) ?? [...argv];
}

/** Runs an initiator that must succeed; yields its standard output. */
export function initiator(
  server: StorageServer,
  argv: readonly string[],
  timeoutMs = 60_000,
): Promise<string> {
  return must(inside(server, argv), { timeoutMs });
}

/** Runs an initiator to whatever end it comes to. */
export function tryInitiator(
  server: StorageServer,
  argv: readonly string[],
  timeoutMs = 60_000,
): Promise<Outcome> {
  return run(inside(server, argv), { timeoutMs });
}

/**
 * `qemu-io` with a list of its commands, for example `write -P 0x5a 0 4k`. Fails when one of them
 * fails.
 */
export function qemuIo(
  server: StorageServer,
  lun: Lun,
  commands: readonly string[],
): Promise<string> {
  const each = commands.flatMap((command) => ["-c", command]);
  return initiator(server, ["qemu-io", "-f", "raw", ...each, lunUrl(server, lun)]);
}

let sockets = 0;

/** One iSCSI session of libiscsi in a `qemu-nbd`, used through NBD. */
export class NbdSession {
  readonly #program: Background;
  readonly #path: string;

  private constructor(program: Background, path: string) {
    this.#program = program;
    this.#path = path;
  }

  static async open(stage: Stage, server: StorageServer, lun: Lun): Promise<NbdSession> {
    const path = join(stage.folder, `nbd-${++sockets}.sock`);
    const argv = [
      "qemu-nbd",
      "-k",
      path,
      "-f",
      "raw",
      "-t",
      "-e",
      String(NBD_CLIENTS),
      lunUrl(server, lun),
    ];
    const program = stage.background(`qemu-nbd of ${lun.name}`, inside(server, argv));
    const session = new NbdSession(program, path);
    const probe = await eventually(`qemu-nbd to serve ${lun.name}`, START_TIMEOUT_MS, async () => {
      if (program.ended)
        throw new Error(`qemu-nbd cannot use ${lun.name}: ${program.lines.join("\n")}`);
      return NbdClient.open(path).catch(() => null);
    });
    probe.close();
    return session;
  }

  client(): Promise<NbdClient> {
    return NbdClient.open(this.#path);
  }

  /** As many clients as it takes to have `depth` requests under way at once. */
  clients(depth: number): Promise<NbdClient[]> {
    const count = Math.ceil(depth / REQUESTS_PER_NBD_CLIENT);
    return Promise.all(Array.from({ length: count }, () => this.client()));
  }

  /** Logs out and ends. */
  async close(): Promise<void> {
    signalProcess(this.#program.pid, "SIGTERM");
    await this.#program.exited;
  }

  /** Ends without logging out, with whatever is under way. */
  async kill(): Promise<void> {
    if (!this.#program.ended) signalProcess(this.#program.pid, "SIGKILL");
    await this.#program.exited;
  }
}

/** Offers a LUN as a file (FUSE) while `use` runs, for programs that know nothing of iSCSI. */
export async function withLunAsFile(
  stage: Stage,
  server: StorageServer,
  lun: Lun,
  use: (path: string) => Promise<void>,
): Promise<void> {
  const path = join(stage.folder, `lun-${lun.name}.file`);
  await writeFile(path, "");
  const [host, target] = [server.portal, lun.target.iqn];
  const blockdev = `driver=iscsi,node-name=lun,transport=tcp,portal=${host},target=${target},lun=${lun.number}`;
  const fuse = `type=fuse,id=file,node-name=lun,mountpoint=${path},writable=on,growable=off`;
  const argv = ["qemu-storage-daemon", "--blockdev", blockdev, "--export", fuse];
  const program = stage.background("qemu-storage-daemon", inside(server, argv));
  const size = String(lun.sizeBytes);
  await eventually("the LUN as a file", START_TIMEOUT_MS, async () => {
    if (program.ended) throw new Error(`qemu-storage-daemon ended: ${program.lines.join("\n")}`);
    return (await run(["stat", "-c", "%s", path])).stdout.trim() === size;
  });
  try {
    await use(path);
  } finally {
    signalProcess(program.pid, "SIGTERM");
    await program.exited;
  }
}
