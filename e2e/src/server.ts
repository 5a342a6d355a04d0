/**
 * One real storage server: `lockstep serve` in a folder of its own on free ports, perhaps in a
 * network namespace, commanded through the `lockstep` command. Its processes are signalled by the
 * ids that `status` tells.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type {
  CommandInput,
  CommandName,
  CommandResult,
  Event,
  Link,
  Lun,
  Outage,
  Status,
} from "@lockstep/model";
import { eventually, within } from "./eventually.ts";
import { ask } from "./local-socket.ts";
import type { Namespace } from "./network.ts";
import { freePort } from "./ports.ts";
import {
  type Background,
  isAlive,
  LOCKSTEP,
  NODE,
  type Outcome,
  processesOf,
  run,
  signalProcess,
} from "./processes.ts";
import type { Stage } from "./stage.ts";

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
const CLI_TIMEOUT_MS = 120_000;
/** What a server gets to end by itself when its test is over. */
const END_GRACE_MS = 4_000;
export const ADMIN_PASSWORD = "correct horse battery staple";

export type ProcessRole = keyof Status["processes"];
const ROLES = ["supervisor", "datapath", "backend", "database"] as const satisfies ProcessRole[];

export interface ServerOptions {
  name: string;
  /** Where the server listens for its peer; hosts and the API stay on loopback. */
  host?: string;
  namespace?: Namespace;
  env?: NodeJS.ProcessEnv;
  args?: readonly string[];
}

/** The `lockstep` command ended with another status than 0. */
export class CommandFailed extends Error {
  readonly status: number | null;

  constructor(argv: readonly string[], { status, signal, stdout, stderr }: Outcome) {
    super(
      `\`lockstep ${argv.join(" ")}\` ended with ${status ?? signal}: ${stderr.trim() || stdout.trim()}`,
    );
    this.status = status;
  }
}

/** Runs the `lockstep` command as a user would; any exit status is an outcome. */
export function lockstep(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return run([NODE, LOCKSTEP, ...args], { env, timeoutMs: CLI_TIMEOUT_MS });
}

export class StorageServer {
  readonly name: string;
  readonly data: string;
  readonly ports: { api: number; iscsi: number; mirror: number; heartbeat: number };
  readonly #stage: Stage;
  readonly #options: ServerOptions;
  #program: Background | null = null;
  /** As last told by `status`, for the time when nobody can be asked. */
  #processes: Status["processes"] | null = null;
  #starts = 0;

  private constructor(stage: Stage, options: ServerOptions, ports: StorageServer["ports"]) {
    this.name = options.name;
    this.data = join(stage.folder, options.name);
    this.ports = ports;
    this.#stage = stage;
    this.#options = options;
  }

  static async start(stage: Stage, options: ServerOptions): Promise<StorageServer> {
    const ports = {
      api: await freePort(),
      iscsi: await freePort(),
      mirror: await freePort(),
      heartbeat: await freePort(),
    };
    const server = new StorageServer(stage, options, ports);
    await mkdir(server.data, { recursive: true });
    stage.defer(() => server.#end());
    await server.launch();
    return server;
  }

  get portal(): string {
    return `127.0.0.1:${this.ports.iscsi}`;
  }

  get namespace(): Namespace | null {
    return this.#options.namespace ?? null;
  }

  /** The arguments of `lockstep serve` for this server. */
  serveArgs(): string[] {
    const { ports, data, name } = this;
    const host = this.#options.host ?? "127.0.0.1";
    return [
      ...["serve", "--data", data, "--name", name],
      ...["--api", `127.0.0.1:${ports.api}`, "--iscsi", this.portal],
      ...["--mirror", `${host}:${ports.mirror}`, "--heartbeat", `${host}:${ports.heartbeat}`],
      ...(this.#options.args ?? []),
    ];
  }

  /** Starts `lockstep serve` and waits for its line `ready `. */
  async launch(): Promise<void> {
    const argv = [NODE, LOCKSTEP, ...this.serveArgs()];
    const env = { LOCKSTEP_ADMIN_PASSWORD: ADMIN_PASSWORD, ...this.#options.env };
    const label = `${this.name} (start ${++this.#starts})`;
    const inside = this.#options.namespace?.asUser(argv, env) ?? argv;
    const program = this.#stage.background(label, inside, { env });
    this.#program = program;
    await eventually(`${this.name} to be ready`, READY_TIMEOUT_MS, () => {
      if (program.ended) throw new Error(`${label} ended: ${program.lines.slice(-5).join("\n")}`);
      return program.stdoutLines.some((line) => line.startsWith("ready "));
    });
    await this.status();
  }

  /** Runs a command against this server's data folder; its JSON, or `CommandFailed`. */
  async cli(...args: string[]): Promise<unknown> {
    const argv = ["--data", this.data, ...args, "--json"];
    const outcome = await lockstep(argv);
    if (outcome.status !== 0) throw new CommandFailed(argv, outcome);
    return JSON.parse(outcome.stdout);
  }

  /** The same question without a process for each: for polling under load. */
  ask<C extends CommandName>(method: C, params: CommandInput<C>): Promise<CommandResult<C>> {
    return ask(this.data, method, params);
  }

  async status(): Promise<Status> {
    const status = await this.ask("status", {});
    this.#processes = status.processes;
    return status;
  }

  link(): Promise<Link> {
    return this.ask("link.show", {});
  }

  lun(name: string): Promise<Lun> {
    return this.ask("lun.show", { name });
  }

  outages(): Promise<Outage[]> {
    return this.ask("outage.list", {});
  }

  events(): Promise<Event[]> {
    return this.ask("event.list", {});
  }

  async waitLun(name: string, state: Lun["state"], timeoutS: number): Promise<Lun> {
    return (await this.cli("lun", "wait", name, state, "--timeout", String(timeoutS))) as Lun;
  }

  async waitLink(state: Link["state"], timeoutS: number): Promise<Link> {
    return (await this.cli("link", "wait", state, "--timeout", String(timeoutS))) as Link;
  }

  /**
   * Waits until the backend and its database have said hello: `ready ` promises hosts and the local
   * socket only.
   */
  waitForBackend(timeoutMs = 60_000): Promise<Status> {
    return eventually(`${this.name}'s backend`, timeoutMs, async () => {
      const status = await this.status();
      return status.processes.backend !== null && status.database === "connected" && status;
    });
  }

  /** Process ids as last told; the newest are asked for where anyone answers. */
  async processIds(): Promise<Status["processes"]> {
    try {
      await this.status();
    } catch (error) {
      if (this.#processes === null) throw error;
    }
    if (this.#processes === null) throw new Error(`${this.name} never told its processes`);
    return this.#processes;
  }

  /** Sends a signal to one of the server's processes; yields its id. */
  async kill(role: ProcessRole, signal: NodeJS.Signals): Promise<number> {
    const pid = (await this.processIds())[role];
    if (pid === null) throw new Error(`${this.name} has no process "${role}" at present`);
    signalProcess(pid, signal);
    return pid;
  }

  /**
   * Sends a signal to all of the server's processes, the supervisor first, so that nothing is
   * restarted.
   */
  async signalAll(signal: NodeJS.Signals): Promise<void> {
    // Who is stopped cannot be asked.
    const ids = signal === "SIGCONT" ? this.#processes : await this.processIds();
    if (ids === null) throw new Error(`${this.name} never told its processes`);
    for (const role of ROLES) {
      const pid = ids[role];
      if (pid !== null) signalProcess(pid, signal);
    }
  }

  /** As a machine that lost its power to the processes: all of them are gone when this returns. */
  async killAll(): Promise<void> {
    const ids = await this.processIds();
    await this.signalAll("SIGKILL");
    await eventually(`${this.name}'s processes to be gone`, STOP_TIMEOUT_MS, () =>
      ROLES.every((role) => ids[role] === null || !isAlive(ids[role])),
    );
    for (const pid of processesOf(this.data)) signalProcess(pid, "SIGKILL");
    await eventually(
      `nothing to run on ${this.data}`,
      STOP_TIMEOUT_MS,
      () => processesOf(this.data).length === 0,
    );
  }

  /** Ends the server by SIGTERM to its supervisor; yields the exit status of `lockstep serve`. */
  async stop(): Promise<number | null> {
    const program = this.#program;
    if (program === null) return null;
    signalProcess((await this.processIds()).supervisor ?? program.pid, "SIGTERM");
    const { status } = await within(`stopping ${this.name}`, STOP_TIMEOUT_MS, program.exited);
    this.#program = null;
    return status;
  }

  async restart(): Promise<void> {
    if (this.#program !== null && !this.#program.ended) await this.stop();
    await this.launch();
  }

  /** Asks nicely first: a killed database leaves its shared memory segment behind. */
  async #end(): Promise<void> {
    for (const signal of ["SIGCONT", "SIGTERM"] as const) {
      for (const pid of processesOf(this.data)) signalProcess(pid, signal);
    }
    const gone = () => processesOf(this.data).length === 0;
    try {
      await eventually(`${this.name} to stop`, END_GRACE_MS, gone);
    } catch {
      await eventually(`${this.name}'s processes to be gone`, STOP_TIMEOUT_MS, () => {
        for (const pid of processesOf(this.data)) signalProcess(pid, "SIGKILL");
        return gone();
      });
    }
  }
}
