/**
 * A worker's connection to its connection thread at the peer (SPEC L1): carries the frames of all mirrored LUNs that the
 * worker owns, and brings their answers back. Frames of one turn of the event loop leave in one system call.
 */
import net from "node:net";
import type { MirroredLun } from "../lun/mirrored-lun.ts";
import type { MirrorPort } from "../lun/ports.ts";
import type { KeyedHash } from "../wire/handshake.ts";
import { LunIndex } from "../wire/lun-index.ts";
import { type Identity, ProvenSocket } from "./proven-socket.ts";

export interface MirrorConnectionOptions {
  host: string;
  port: number;
  identity: Identity;
  /** The peer's uuid. */
  listener: string;
  hash: KeyedHash;
  opened(): void;
  /** Once, whether it was ever open or not. */
  lost(reason: string): void;
  /** Bytes handed to the kernel or waiting for it. */
  sent(bytes: number): void;
}

export class MirrorConnection implements MirrorPort {
  private readonly options: MirrorConnectionOptions;
  private readonly proven: ProvenSocket;
  private readonly luns = new LunIndex<MirroredLun>();
  private corked = false;
  private open = false;

  constructor(options: MirrorConnectionOptions) {
    this.options = options;
    const socket = net.connect({ host: options.host, port: options.port });
    const { identity, listener, hash } = options;
    this.proven = new ProvenSocket(
      socket,
      { role: "dialler", identity, listener, hash },
      {
        proven: () => {
          this.open = true;
          options.opened();
        },
        frame: (header, bytes, at, payload) => {
          this.luns.find(header.lunWord, bytes, at)?.answered(header, payload);
          return true;
        },
        batchEnd: () => undefined,
        closed: (reason) => {
          this.open = false;
          options.lost(reason);
        },
      },
    );
  }

  get isOpen(): boolean {
    return this.open;
  }

  /** Lets a LUN's frames travel here. */
  attach(uuid: string, lun: MirroredLun): void {
    this.luns.set(uuid, lun);
    lun.connected(this);
  }

  detach(uuid: string): void {
    this.luns.delete(uuid);
  }

  send(header: Buffer, payload: Buffer | null): void {
    if (!this.open) return;
    this.corkTurn();
    const { socket } = this.proven;
    socket.write(header);
    if (payload !== null) socket.write(payload);
    this.options.sent(header.length + (payload?.length ?? 0));
  }

  sendRecords(records: Buffer): void {
    if (!this.open) return;
    this.corkTurn();
    this.proven.socket.write(records);
    this.options.sent(records.length);
  }

  close(reason: string): void {
    this.proven.close(reason);
  }

  private corkTurn(): void {
    if (this.corked) return;
    this.corked = true;
    this.proven.socket.cork();
    process.nextTick(this.uncork);
  }

  private readonly uncork = (): void => {
    this.corked = false;
    this.proven.socket.uncork();
  };
}
