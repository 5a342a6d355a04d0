/**
 * Two network namespaces joined by a veth pair, for cutting the link as a real network would:
 * silently, one way only, or by link down. Each namespace lives as long as a process that holds it,
 * so nothing is left on the machine. Unix sockets still work across them, for the file system is
 * shared.
 */
import { readFileSync } from "node:fs";
import { eventually } from "./eventually.ts";
import { type Privilege, privilege } from "./privilege.ts";
import { must } from "./processes.ts";
import type { Stage } from "./stage.ts";

/** A holder ends by itself, should its test run be killed. */
const HOLDER_LIFE_S = 1_800;
const INTERFACE = "veth0";

const commandName = (pid: number): string | null => {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return null;
  }
};

export class Namespace {
  readonly address: string;
  readonly #holder: number;
  readonly #privilege: Privilege;

  constructor(holder: number, address: string, how: Privilege) {
    this.#holder = holder;
    this.address = address;
    this.#privilege = how;
  }

  /** The command line that runs `argv` inside, with the rights to change the network. */
  asRoot(argv: readonly string[]): string[] {
    const target = ["nsenter", "-t", String(this.#holder)];
    switch (this.#privilege) {
      case "root":
        return [...target, "-n", "--", ...argv];
      case "sudo":
        return ["sudo", "-n", ...target, "-n", "--", ...argv];
      case "user-namespace":
        return [...target, "-U", "--preserve-credentials", "-n", "--", ...argv];
    }
  }

  /**
   * The command line that runs `argv` inside as the user of this run; sudo drops the environment,
   * so `env` is named.
   */
  asUser(argv: readonly string[], env: NodeJS.ProcessEnv = {}): string[] {
    const uid = String(process.getuid?.() ?? 0);
    const gid = String(process.getgid?.() ?? 0);
    switch (this.#privilege) {
      case "root":
        return this.asRoot(argv);
      case "sudo": {
        const named = Object.entries({ ...process.env, ...env }).map(
          ([key, value]) => `${key}=${value ?? ""}`,
        );
        const drop = ["setpriv", "--reuid", uid, "--regid", gid, "--init-groups"];
        return this.asRoot(["env", "-i", ...named, ...drop, ...argv]);
      }
      case "user-namespace":
        return this.asRoot([
          "unshare",
          "--user",
          `--map-user=${uid}`,
          `--map-group=${gid}`,
          "--",
          ...argv,
        ]);
    }
  }
}

export class Network {
  readonly alpha: Namespace;
  readonly beta: Namespace;

  private constructor(alpha: Namespace, beta: Namespace) {
    this.alpha = alpha;
    this.beta = beta;
  }

  static async make(stage: Stage): Promise<Network> {
    const how = await privilege();
    const prefix = how === "sudo" ? ["sudo", "-n"] : [];
    const life = ["sleep", String(HOLDER_LIFE_S)];
    const first = await hold(stage, "namespace alpha", [
      ...prefix,
      ...["unshare", how === "user-namespace" ? "-Urn" : "-n", ...life],
    ]);
    const alpha = new Namespace(first, "10.213.0.1", how);
    const beside =
      how === "user-namespace"
        ? ["nsenter", "-t", String(first), "-U", "--preserve-credentials"]
        : prefix;
    const second = await hold(stage, "namespace beta", [...beside, "unshare", "-n", ...life]);
    const beta = new Namespace(second, "10.213.0.2", how);
    await must(
      alpha.asRoot([
        ...["ip", "link", "add", INTERFACE, "type", "veth"],
        ...["peer", "name", INTERFACE, "netns", String(second)],
      ]),
    );
    for (const namespace of [alpha, beta]) {
      await must(
        namespace.asRoot(["ip", "address", "add", `${namespace.address}/24`, "dev", INTERFACE]),
      );
      await must(namespace.asRoot(["ip", "link", "set", "lo", "up"]));
      await must(namespace.asRoot(["ip", "link", "set", INTERFACE, "up"]));
    }
    return new Network(alpha, beta);
  }

  /** Drops everything, both ways, without a word to either side. */
  async cutSilently(): Promise<void> {
    await drop(this.beta, ["input", "output"]);
  }

  /** Drops what goes towards `deaf`; the other direction stays. */
  async cutTowards(deaf: Namespace): Promise<void> {
    await drop(deaf, ["input"]);
  }

  async linkDown(namespace: Namespace): Promise<void> {
    await must(namespace.asRoot(["ip", "link", "set", INTERFACE, "down"]));
  }

  /** Undoes every kind of cut. */
  async restore(): Promise<void> {
    for (const namespace of [this.alpha, this.beta]) {
      await must(namespace.asRoot(["nft", "flush", "ruleset"]));
      await must(namespace.asRoot(["ip", "link", "set", INTERFACE, "up"]));
    }
  }
}

/** Starts a process that holds a namespace; yields its id once it is inside. */
async function hold(stage: Stage, label: string, argv: readonly string[]): Promise<number> {
  const program = stage.background(label, argv);
  return eventually(`${label} to exist`, 10_000, () => {
    if (program.ended) throw new Error(`${label} cannot be made: ${program.lines.join("\n")}`);
    return sleeperUnder(program.pid);
  });
}

/** The process itself once it has become `sleep`, or the one that sudo started. */
function sleeperUnder(pid: number): number | null {
  if (commandName(pid) === "sleep") return pid;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  const child = Number(children.split(" ")[0]);
  return children !== "" ? sleeperUnder(child) : null;
}

async function drop(namespace: Namespace, hooks: readonly ("input" | "output")[]): Promise<void> {
  const chains = hooks.map((hook) => {
    const direction = hook === "input" ? "iifname" : "oifname";
    return `chain ${hook} { type filter hook ${hook} priority 0; ${direction} "${INTERFACE}" drop; }`;
  });
  await must(namespace.asRoot(["nft", "-f", "-"]), {
    input: `table inet cut {\n${chains.join("\n")}\n}\n`,
  });
}
