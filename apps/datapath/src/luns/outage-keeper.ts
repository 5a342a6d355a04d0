/** Turns what LUNs say of their outages into the records and events that operators read (SPEC O7). */
import type { OutageFacts } from "@lockstep/engine";
import { monotonicMs } from "@lockstep/engine/io";
import type { Outage } from "@lockstep/model";
import type { OutageLog } from "../outage-log.ts";
import type { LunFacts } from "../threads/messages.ts";

export interface OutageKeeperOptions {
  log: OutageLog;
  server: string;
  /** The peer's name. */
  peer(): string | null;
  event(
    kind: "outage-began" | "outage-healed",
    severity: "info" | "warning",
    lun: string,
    message: string,
  ): void;
}

const CAUSE_WORDS: Record<Outage["cause"], string> = {
  silence: "nothing was heard from the peer",
  "one-way": "the peer does not hear this server",
  connection: "the connection was not made again in time",
  "mirror-slow": "the mirror did not answer in time",
  storage: "the mirror could not store",
  operator: "an operator paused it",
  drill: "a drill silences the heartbeats",
  "peer-restart": "the peer began anew",
  restart: "this server began anew",
};

/** A monotonic time as an ISO 8601 one. */
function wallTime(monotonic: number): string {
  return new Date(Date.now() - (monotonicMs() - monotonic)).toISOString();
}

export class OutageKeeper {
  private readonly options: OutageKeeperOptions;
  /** The running outage of each LUN, by the LUN's name. */
  private readonly running = new Map<string, string>();

  constructor(options: OutageKeeperOptions) {
    this.options = options;
    for (const outage of options.log.list()) {
      if (outage.healedAt === null) this.running.set(outage.lun, outage.id);
    }
  }

  take(lun: string, facts: LunFacts): void {
    if (facts.healed !== null) this.heal(lun, facts.healed);
    if (facts.outage !== null) this.goesOn(lun, facts.outage);
  }

  private goesOn(lun: string, facts: OutageFacts): void {
    const { log, server, peer, event } = this.options;
    let id = this.running.get(lun);
    if (id === undefined) {
      const detectedAt = wallTime(facts.detectedAt);
      const begunAt = wallTime(facts.begunAt);
      const seenBy = facts.cause === "one-way" ? (peer() ?? server) : server;
      id = log.begin({ lun, begunAt, detectedAt, cause: facts.cause, seenBy });
      this.running.set(lun, id);
      const why = CAUSE_WORDS[facts.cause];
      event("outage-began", "warning", lun, `mirroring of LUN "${lun}" is interrupted: ${why}`);
    }
    log.enter(id, facts.phase, new Date().toISOString());
    log.count(id, countsOf(facts));
  }

  private heal(lun: string, facts: OutageFacts): void {
    this.goesOn(lun, facts);
    const id = this.running.get(lun);
    if (id === undefined) return;
    this.running.delete(lun);
    this.options.log.heal(id, new Date().toISOString());
    this.options.event("outage-healed", "info", lun, `LUN "${lun}" is mirrored again`);
  }
}

function countsOf(
  facts: OutageFacts,
): Pick<Outage, "peakQueue" | "healBytes" | "longestHostWaitMs"> {
  return {
    peakQueue: { bytes: facts.peakBytes, requests: facts.peakRequests },
    healBytes: facts.healBytes,
    longestHostWaitMs: facts.longestHostWaitMs > 0 ? facts.longestHostWaitMs : null,
  };
}
