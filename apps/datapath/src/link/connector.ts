/**
 * Makes the connections of an epoch and makes a broken one again (SPEC L1, L2, L5): dials the peer's control channel,
 * agrees on settings, offers the LUNs, asks for the connection threads' ports, and lets each worker dial its own. Tries
 * again, with back-off, for as long as the epoch is the present one.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type ConnectionArray, keyedHash } from "@lockstep/engine/io";
import { Failure } from "@lockstep/model";
import type { PeerRecord } from "../records.ts";
import type { Workers } from "../threads/workers.ts";
import { ControlClient } from "./control-client.ts";
import type { Hello, LunOffer } from "./control-messages.ts";

const FIRST_RETRY_MS = 20;
const LONGEST_RETRY_MS = 1000;

export interface ConnectorOptions {
  self: string;
  array: ConnectionArray;
  workers: Workers;
  hello(): Hello;
  /** The peer's hello: its settings may rule. Resolves when what was adopted is stable. */
  met(hello: Hello): Promise<void>;
  offers(): LunOffer[];
  offered(uuid: string, failure: Failure | null): void;
  /** The connection arrays are armed for the epoch, and as many workers run. */
  arm(epoch: number): Promise<number>;
  /** The control channel is ready for notices. */
  ready(): void;
  trouble(message: string): void;
  flap(index: number, reason: string): void;
  changed(): void;
}

export class Connector {
  private readonly options: ConnectorOptions;
  private client: ControlClient | null = null;
  /** Dialled last; the channel once both have said hello. */
  private dialled: ControlClient | null = null;
  private connecting: Promise<ControlClient> | null = null;
  private epoch = 0;
  private open: boolean[] = [];
  private peer: PeerRecord | null = null;

  constructor(options: ConnectorOptions) {
    this.options = options;
  }

  /** The control channel to the peer, where it is up. */
  get channel(): ControlClient | null {
    return this.client !== null && !this.client.closed ? this.client : null;
  }

  allOpen(epoch: number, count: number): boolean {
    if (epoch !== this.epoch) return false;
    for (let index = 0; index < count; index++) if (!this.open[index]) return false;
    return true;
  }

  start(epoch: number, peer: PeerRecord): void {
    this.epoch = epoch;
    this.peer = peer;
    this.open = [];
    void this.untilDone(epoch, () => this.connectAll(epoch, peer));
  }

  /** Gives up; `control`: closes the control channel too. */
  stop(reason: string, control: boolean): void {
    this.epoch = 0;
    this.open = [];
    if (!control) return;
    this.dialled?.close(reason);
    this.connecting = null;
  }

  /** A worker's connection was made or lost. */
  workerConnection(index: number, epoch: number, open: boolean, reason: string): void {
    if (epoch !== this.epoch) return;
    const { array, flap, changed } = this.options;
    const was = this.open[index] === true;
    this.open[index] = open;
    if (open) {
      array.out.reopen(index, epoch);
    } else {
      array.out.mark(index, epoch, "broken");
      if (was) flap(index, reason);
      void this.untilDone(epoch, () => this.reopen(index, epoch));
    }
    changed();
  }

  private async untilDone(epoch: number, attempt: () => Promise<void>): Promise<void> {
    let waitMs = FIRST_RETRY_MS;
    let told = "";
    while (this.epoch === epoch) {
      try {
        await attempt();
        return;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        const notReady = error instanceof Failure && error.code === "unavailable";
        if (message !== told && !notReady && this.epoch === epoch) this.options.trouble(message);
        told = message;
      }
      await delay(waitMs);
      waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS);
    }
  }

  /** The control channel, dialled where it is not up. */
  private control(peer: PeerRecord): Promise<ControlClient> {
    const { channel } = this;
    if (channel !== null) return Promise.resolve(channel);
    if (this.connecting === null) {
      const connecting = this.dialControl(peer).finally(() => {
        if (this.connecting === connecting) this.connecting = null;
      });
      this.connecting = connecting;
    }
    return this.connecting;
  }

  private async dialControl(peer: PeerRecord): Promise<ControlClient> {
    const client = new ControlClient({
      host: peer.host,
      port: peer.mirrorPort,
      purpose: "control",
      self: this.options.self,
      peer: peer.uuid,
      hash: keyedHash(Buffer.from(peer.secret, "hex"), "control"),
    });
    this.dialled = client;
    try {
      await client.connect();
      await this.options.met(await client.request("hello", this.options.hello()));
      if (client.closed) throw new Failure("unreachable", "the control channel was closed again");
    } catch (error) {
      client.close("the servers did not come to terms");
      throw error;
    }
    this.client = client;
    this.options.ready();
    return client;
  }

  private async connectAll(epoch: number, peer: PeerRecord): Promise<void> {
    const client = await this.control(peer);
    const offers = this.options.offers();
    for (const offer of offers) await this.offer(client, offer);
    await client.request("lun.census", { uuids: offers.map(({ uuid }) => uuid) });
    const { ports } = await client.request("ports", { epoch });
    const count = await this.options.arm(epoch);
    if (ports.length !== count) {
      throw new Failure(
        "unavailable",
        `the peer has ${ports.length} connections and this server ${count}`,
      );
    }
    if (this.epoch !== epoch) return;
    ports.forEach((port, index) => {
      this.dial(index, epoch, peer, port);
    });
    this.options.changed();
  }

  private async offer(client: ControlClient, offer: LunOffer): Promise<void> {
    try {
      await client.request("lun.offer", offer);
      this.options.offered(offer.uuid, null);
    } catch (error) {
      if (!(error instanceof Failure) || error.code === "unreachable" || error.code === "timeout") {
        throw error;
      }
      this.options.offered(offer.uuid, error);
    }
  }

  private async reopen(index: number, epoch: number): Promise<void> {
    const { peer } = this;
    if (peer === null || this.open[index]) return;
    const client = await this.control(peer);
    const { port } = await client.request("reopen", { epoch, index });
    if (this.epoch === epoch && !this.open[index]) this.dial(index, epoch, peer, port);
  }

  private dial(index: number, epoch: number, peer: PeerRecord, port: number): void {
    const { array, workers, self } = this.options;
    const { host, uuid, secret } = peer;
    array.out.setSocket(index, { host, port });
    const order = { epoch, self, peer: uuid, secret: Buffer.from(secret, "hex") };
    workers.at(index).tell({ note: "dial", order });
  }
}
