/**
 * The rows of configuration, from what an event says it changed and from a whole status. Events name their LUN as
 * subject and tell the new values in `after`; whatever is missing there stays as it was.
 */
import { type Event, Link, LinkSettingsPatch, Lun, type Status } from "@lockstep/model";
import { and, eq, notInArray } from "drizzle-orm";
import type { Orm } from "./database.ts";
import { linkSettings, luns, peers } from "./schema/index.ts";

/** What can run statements: the pool, or a transaction. */
export type Statements = Pick<Orm, "select" | "insert" | "update" | "delete">;

/** The data path's own record of a LUN, or any part of it or of what outsiders see. */
const PartialLun = Lun.partial().extend({ journalLimitBytes: Lun.shape.sizeBytes.optional() });
type LunPatch = ReturnType<typeof PartialLun.parse>;
const PartialPeer = Link.shape.peer.unwrap().partial();
type PeerPatch = ReturnType<typeof PartialPeer.parse>;

/** Carries out in `tx` what `event` says about configuration, if anything. */
export async function applyEvent(tx: Statements, server: string, event: Event): Promise<void> {
  switch (event.kind) {
    case "lun-created":
    case "lun-resized":
    case "lun-changed": {
      const { data } = PartialLun.safeParse(event.after);
      if (data) await saveLun(tx, server, event.subject, data, event.at);
      return;
    }
    case "lun-deleted":
      await tx.delete(luns).where(and(eq(luns.server, server), eq(luns.name, event.subject)));
      return;
    case "link-settings": {
      const { data } = LinkSettingsPatch.safeParse(event.after);
      if (data) await saveSettings(tx, server, data, event.at);
      return;
    }
    case "peer-joined": {
      const { data } = PartialPeer.safeParse(event.after);
      if (data) await savePeer(tx, server, data, event.at);
      return;
    }
    case "peer-removed":
      await tx.delete(peers).where(eq(peers.server, server));
  }
}

/** Makes all configuration rows of a server say what its status says. */
export async function applyStatus(tx: Statements, status: Status, at: string): Promise<void> {
  const server = status.server.uuid;
  const names = status.luns.map((lun) => lun.name);
  await tx.delete(luns).where(and(eq(luns.server, server), notInArray(luns.name, names)));
  for (const lun of status.luns) await saveLun(tx, server, lun.name, lun, at);
  await saveSettings(tx, server, status.link.settings, at, status.link.settingsVersion);
  if (status.link.peer) await savePeer(tx, server, status.link.peer, at);
  else await tx.delete(peers).where(eq(peers.server, server));
}

async function saveLun(
  tx: Statements,
  server: string,
  name: string,
  lun: LunPatch,
  changedAt: string,
): Promise<void> {
  const row = {
    uuid: lun.uuid,
    number: lun.number,
    sizeBytes: lun.sizeBytes,
    role: lun.role,
    mode: lun.mode,
    designated: lun.designated,
    policy: lun.policy,
    journalLimitBytes: lun.journalLimitBytes ?? lun.journal?.limitBytes,
    writeCache: lun.writeCache,
    backingKind: lun.backing?.kind,
    backingPath: lun.backing?.path,
    changedAt,
  };
  await tx
    .insert(luns)
    .values({ server, name, ...row })
    .onConflictDoUpdate({ target: [luns.server, luns.name], set: row });
}

async function saveSettings(
  tx: Statements,
  server: string,
  settings: LinkSettingsPatch,
  changedAt: string,
  version?: number,
): Promise<void> {
  const row = {
    version,
    t1Ms: settings.t1,
    t2Ms: settings.t2,
    t3Ms: settings.t3,
    t4Ms: settings.t4,
    probationMs: settings.probation,
    connections: settings.connections,
    changedAt,
  };
  await tx
    .insert(linkSettings)
    .values({ server, ...row })
    .onConflictDoUpdate({ target: linkSettings.server, set: row });
}

async function savePeer(
  tx: Statements,
  server: string,
  peer: PeerPatch,
  changedAt: string,
): Promise<void> {
  const row = { uuid: peer.uuid, name: peer.name, address: peer.address, changedAt };
  await tx
    .insert(peers)
    .values({ server, ...row })
    .onConflictDoUpdate({ target: peers.server, set: row });
}
