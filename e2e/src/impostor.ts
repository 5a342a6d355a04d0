/**
 * Somebody who speaks the servers' protocol and claims to be one of them, without the pairing secret:
 * the product's own code with a secret made up.
 */
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { ConnectionArray, keyedHash, ProvenSocket, startHeartbeats } from "@lockstep/engine/io";
import { DEFAULT_LINK_SETTINGS, MIN_T2_MS, PROTOCOL_VERSIONS } from "@lockstep/model";
import { eventually } from "./eventually.ts";
import type { StorageServer } from "./server.ts";
import type { Stage } from "./stage.ts";

const SECRET_BYTES = 32;
const HEARTBEATS_TIMEOUT_MS = 10_000;

export class Impostor {
  readonly #claimed: string;
  readonly #victim: StorageServer;
  readonly #victimUuid: string;
  readonly #secret = randomBytes(SECRET_BYTES);

  private constructor(claimed: string, victim: StorageServer, victimUuid: string) {
    this.#claimed = claimed;
    this.#victim = victim;
    this.#victimUuid = victimUuid;
  }

  /** Claims to be `of` towards `victim`. */
  static async make(of: StorageServer, victim: StorageServer): Promise<Impostor> {
    const [claimed, attacked] = await Promise.all([of.status(), victim.status()]);
    return new Impostor(claimed.server.uuid, victim, attacked.server.uuid);
  }

  /** Dials a port of the servers' own; yields why it was over, which is never that it was let in. */
  dial(port: number, purpose: "control" | "pair" | "stream"): Promise<string> {
    return new Promise((done, fail) => {
      const identity = { purpose, from: this.#claimed, epoch: 1, index: 0 };
      const hash = keyedHash(this.#secret, "connection");
      const listener = purpose === "pair" ? null : this.#victimUuid;
      const role = { role: "dialler", identity, listener, hash } as const;
      new ProvenSocket(connect(port, "127.0.0.1"), role, {
        proven: () => fail(new Error(`port ${port} let an impostor in`)),
        frame: () => false,
        batchEnd: () => {},
        closed: done,
      });
    });
  }

  /** Sends well-formed heartbeats under the wrong key until the victim has counted `count` of them. */
  async sendHeartbeats(stage: Stage, count: number): Promise<void> {
    const settings = { ...DEFAULT_LINK_SETTINGS, t2: MIN_T2_MS };
    const heartbeats = await startHeartbeats({
      array: ConnectionArray.create(randomBytes(8).readBigUInt64BE() | 1n, settings, 1),
      uuid: this.#claimed,
      bind: { host: "127.0.0.1", port: 0 },
      versions: PROTOCOL_VERSIONS,
      on: () => {},
    });
    stage.defer(() => heartbeats.close());
    const before = (await this.#victim.link()).heartbeat.rejected;
    const [host, uuid, key] = ["127.0.0.1", this.#victimUuid, this.#secret];
    heartbeats.setPeer({ host, port: this.#victim.ports.heartbeat, uuid, key });
    await eventually("the impostor's heartbeats to be counted", HEARTBEATS_TIMEOUT_MS, async () => {
      return (await this.#victim.link()).heartbeat.rejected >= before + count;
    });
    await heartbeats.close();
  }
}
