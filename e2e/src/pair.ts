/**
 * Two real servers, alpha and beta, paired through the command line as an operator would, with LUNs
 * mirrored between them. Short times make tests short; at least one test of each kind runs with the
 * defaults.
 */
import {
  DEFAULT_LINK_SETTINGS,
  type Invitation,
  type LinkSettings,
  type Lun,
  type LunMode,
} from "@lockstep/model";
import { eventually } from "./eventually.ts";
import { firstDifference } from "./images.ts";
import type { Network } from "./network.ts";
import { type ServerOptions, StorageServer } from "./server.ts";
import type { Stage } from "./stage.ts";

/** Short, but no shorter than what a machine with two busy cores keeps to. */
export const SHORT_TIMES: LinkSettings = {
  t1: 500,
  t2: 50,
  t3: 600,
  t4: 1_500,
  probation: 800,
  connections: 2,
};
export const DEFAULT_TIMES = DEFAULT_LINK_SETTINGS;
const LINK_UP_TIMEOUT_S = 30;
const MIRRORED_TIMEOUT_S = 60;

export interface PairOptions {
  times?: LinkSettings;
  /** Runs each server in its namespace; without it both are on loopback. */
  network?: Network;
  env?: NodeJS.ProcessEnv;
}

export class Pair {
  readonly alpha: StorageServer;
  readonly beta: StorageServer;
  readonly times: LinkSettings;
  /** The code by which beta joined; it is used up. */
  readonly invitation: string;

  private constructor(
    alpha: StorageServer,
    beta: StorageServer,
    times: LinkSettings,
    invitation: string,
  ) {
    this.invitation = invitation;
    this.alpha = alpha;
    this.beta = beta;
    this.times = times;
  }

  static async start(stage: Stage, options: PairOptions = {}): Promise<Pair> {
    const times = options.times ?? SHORT_TIMES;
    const { network, env } = options;
    const common: Partial<ServerOptions> = env === undefined ? {} : { env };
    const place = (namespace: Network["alpha"] | undefined): Partial<ServerOptions> =>
      namespace === undefined ? {} : { namespace, host: namespace.address };
    const [alpha, beta] = await Promise.all([
      StorageServer.start(stage, { name: "alpha", ...common, ...place(network?.alpha) }),
      StorageServer.start(stage, { name: "beta", ...common, ...place(network?.beta) }),
    ]);
    const { code } = (await alpha.cli("peer", "invite")) as Invitation;
    const pair = new Pair(alpha, beta, times, code);
    await beta.cli("peer", "join", code);
    await alpha.cli(...linkSetArguments(times));
    await pair.waitUp();
    await eventually("both servers to have the settings", 10_000, async () => {
      const { settings } = await beta.link();
      return settings.t1 === times.t1 && settings.connections === times.connections;
    });
    await pair.waitUp();
    return pair;
  }

  async waitUp(timeoutS = LINK_UP_TIMEOUT_S): Promise<void> {
    await Promise.all([this.alpha.waitLink("up", timeoutS), this.beta.waitLink("up", timeoutS)]);
  }

  peerOf(server: StorageServer): StorageServer {
    return server === this.alpha ? this.beta : this.alpha;
  }

  /** A LUN whose primary copy is at `primary`, mirrored when this returns. */
  async createMirroredLun(
    name: string,
    size: string,
    mode: LunMode,
    primary = this.alpha,
  ): Promise<Lun> {
    await primary.cli("lun", "create", name, "--size", size);
    if (mode !== "sync") await primary.cli("lun", "mode", name, mode);
    await primary.cli("lun", "mirror", name, "on");
    return primary.waitLun(name, "mirrored", MIRRORED_TIMEOUT_S);
  }

  /** Backing files of both copies: here and there, wherever the primary is. */
  async images(name: string): Promise<{ alpha: string; beta: string }> {
    const [alpha, beta] = await Promise.all([this.alpha.lun(name), this.beta.lun(name)]);
    return { alpha: alpha.backing.path, beta: beta.backing.path };
  }

  async firstDifference(name: string): Promise<number | null> {
    const { alpha, beta } = await this.images(name);
    return firstDifference(alpha, beta);
  }

  /**
   * The longest that an interruption may stay unnoticed after the last heartbeat, in milliseconds
   * (T1 + 2*T2).
   */
  get detectionMs(): number {
    return this.times.t1 + 2 * this.times.t2;
  }
}

function linkSetArguments(times: LinkSettings): string[] {
  const each = Object.entries(times).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return ["link", "set", ...each];
}
