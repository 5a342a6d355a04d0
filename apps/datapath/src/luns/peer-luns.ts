/**
 * What the two servers tell each other of their LUNs (SPEC R5, C5): what this one is primary of, what the peer offers to
 * be mirrored here, and what it says of those it mirrors here.
 */
import { Failure } from "@lockstep/model";
import type { LunNotice, LunOffer } from "../link/control-messages.ts";
import { DEFAULT_JOURNAL_LIMIT_BYTES, type LunRecord } from "../records.ts";
import { SYSTEM, type TellEvent } from "../tell-event.ts";
import type { CopySpec } from "../threads/messages.ts";
import { makeBacking } from "./lun-backing.ts";
import { copySpec, lunNotice, lunOffer } from "./lun-entry.ts";
import type { LunTable } from "./lun-table.ts";

export interface PeerLunsOptions {
  table: LunTable;
  /** The name of this server. */
  server(): string;
  notify(notice: LunNotice): void;
  event: TellEvent;
  changed(): void;
}

export class PeerLuns {
  private readonly options: PeerLunsOptions;
  private readonly table: LunTable;

  constructor(options: PeerLunsOptions) {
    this.options = options;
    this.table = options.table;
  }

  // --- of which this server is primary ------------------------------------------------------------------------------

  /** All, for one that is mirrored no longer may still be held for a mirror there. */
  offers(): LunOffer[] {
    return [...this.table.primaries()].map((entry) => lunOffer(entry.record));
  }

  /** What the peer made of an offer. */
  offered(uuid: string, failure: Failure | null): void {
    const entry = this.table.get(uuid);
    if (entry === undefined) return;
    entry.trouble = failure === null ? null : `the peer refused it: ${failure.message}`;
    this.options.changed();
  }

  /** Tells the peer the state of all LUNs mirrored there: the channel is new. */
  notifyAll(): void {
    for (const entry of this.table.primaries()) {
      const notice = entry.record.designated ? lunNotice(entry) : null;
      if (notice !== null) this.options.notify(notice);
    }
  }

  // --- that are mirrored here ---------------------------------------------------------------------------------------

  /** The peer offers a LUN to be mirrored here, or says what became of one. */
  takeOffer(offer: LunOffer, peer: string): Promise<void> {
    return this.table.inTurn(async () => {
      const known = this.table.get(offer.uuid);
      if (known === undefined) {
        if (offer.designated) await this.begin(offer, peer);
        return;
      }
      if (offer.designated) this.checkSame(known.record, offer);
      else if (known.record.role === "primary") return;
      const { mode, designated, writeCache } = offer;
      known.record = { ...known.record, mode, designated, writeCache };
      await this.table.save();
    });
  }

  /** The LUNs that the peer is primary of: what else is mirrored here is its mirror no longer. */
  takeCensus(uuids: readonly string[]): Promise<void> {
    return this.table.inTurn(async () => {
      const known = new Set(uuids);
      for (const entry of this.table.all()) {
        const { role, designated, uuid } = entry.record;
        if (role !== "mirror" || !designated || known.has(uuid)) continue;
        entry.record = { ...entry.record, designated: false };
      }
      await this.table.save();
    });
  }

  notice(notice: LunNotice): void {
    const entry = this.table.get(notice.uuid);
    if (entry === undefined || entry.record.role !== "mirror") return;
    const before = entry.notice?.state;
    entry.notice = notice;
    if (before !== undefined && before !== notice.state) {
      const message = `LUN "${entry.record.name}", mirrored here, went from ${before} to ${notice.state}`;
      this.options.event("lun-state", "info", SYSTEM, entry.record.name, message, null, null);
    }
    this.options.changed();
  }

  /** The peer is not heard: what it said is old. */
  forgetNotices(): void {
    for (const entry of this.table.all()) entry.notice = null;
  }

  /** Where a copy lies; or why there is none. */
  copyOf(uuid: string): CopySpec | string {
    const entry = this.table.get(uuid);
    if (entry === undefined) return "there is no such LUN here";
    if (entry.record.role !== "mirror") return `"${entry.record.name}" is primary here too`;
    return copySpec(entry, this.table.folder(entry.record));
  }

  private async begin(offer: LunOffer, peer: string): Promise<void> {
    this.table.checkName(offer.name);
    const record: LunRecord = {
      ...offer,
      role: "mirror",
      paused: false,
      journalLimitBytes: DEFAULT_JOURNAL_LIMIT_BYTES,
      backing: { kind: "file", path: "" },
    };
    await makeBacking(record, this.table.folder(record), null, "refuse");
    this.table.add(record);
    await this.table.save();
    const message = `LUN "${record.name}" of ${peer} is mirrored here`;
    const actor = { who: "system", from: peer } as const;
    this.options.event("lun-created", "info", actor, record.name, message, null, record);
  }

  private checkSame(record: LunRecord, offer: LunOffer): void {
    const server = this.options.server();
    if (record.role !== "mirror") {
      throw new Failure("refused", `"${record.name}" is primary on ${server} as well`);
    }
    if (record.sizeBytes !== offer.sizeBytes) {
      const sizes = `${record.sizeBytes} bytes on ${server}, and ${offer.sizeBytes} bytes at its primary`;
      throw new Failure("refused", `"${record.name}" has ${sizes}`, `delete the copy on ${server}`);
    }
  }
}
