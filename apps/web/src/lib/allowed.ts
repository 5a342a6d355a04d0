/**
 * What an operator may do in which state: one table for LUNs (state by action) and one for the link, complete by
 * type, so that a new state or action fails to compile here. Each refusal is a sentence for the operator; rule ids
 * are those of packages/engine/SPEC.md. The server decides in the end; this spares people a refusal.
 */
import type { LinkState, Lun, LunState, Status } from "@lockstep/model";
import { plural } from "./format.ts";

export type Permission =
  | { allowed: true; warning: string | null }
  | { allowed: false; because: string };

export const LUN_ACTIONS = [
  "mirror-on",
  "mirror-off",
  "mode",
  "pause",
  "resume",
  "resize",
  "journal-limit",
  "write-cache",
  "delete",
] as const;
export type LunAction = (typeof LUN_ACTIONS)[number];

export const LINK_ACTIONS = [
  "settings",
  "invite",
  "join",
  "remove",
  "drill-start",
  "drill-stop",
] as const;
export type LinkAction = (typeof LINK_ACTIONS)[number];

/** What the answer depends on beside the LUN itself. */
export interface Situation {
  role: "admin" | "viewer";
  /** Null when the figures on the page are live; else why they are not. */
  staleBecause: string | null;
  link: Status["link"];
}

const yes: Permission = { allowed: true, warning: null };
const but = (warning: string): Permission => ({ allowed: true, warning });
const no = (because: string): Permission => ({ allowed: false, because });

const alreadyOn = no("It is designated as mirrored already.");
const notDesignated = no("It is not designated as mirrored.");
const notPaused = no("It is not paused.");
const survivor = no("Split brain: an operator must pick the surviving copy first (G5).");
const strictStop = no("It is stopped until the mirror is back (O2).");
const apart = no(
  "The size changes on both servers, so it must be mirrored: wait until it is healed (G8).",
);
const laterCopy =
  "Switching mirroring off leaves the mirror behind; on again means a full copy (R5).";
const staleMirror =
  "The mirror lacks writes at present. Switching mirroring off leaves it with an older state (R5).";
const tombstone =
  "The peer cannot be told now: the name stays reserved, and the mirror copy stays there until they meet (C5).";
const bothCopies = "The LUN is deleted on both servers (C5).";
const queueGrows = "Writes will be queued, and nothing is mirrored until you resume (O8).";

type LunRow = Record<LunAction, Permission>;

/** C1: designation and mode can be changed at any time while hosts write. */
const designated: LunRow = {
  "mirror-on": alreadyOn,
  "mirror-off": but(laterCopy),
  mode: yes,
  pause: but(queueGrows),
  resume: notPaused,
  resize: apart,
  "journal-limit": yes,
  "write-cache": yes,
  delete: but(bothCopies),
};

const lunTable = {
  unmirrored: {
    ...designated,
    "mirror-on": but("The peer makes a copy of the same size, and everything is copied once (R5)."),
    "mirror-off": notDesignated,
    pause: notDesignated,
    resize: yes,
    delete: yes,
  },
  initializing: {
    ...designated,
    pause: but("The copy stops, and starts anew when you resume (R1)."),
  },
  /** G8: growing goes mirror first, shrinking primary first; both need the mirror. */
  mirrored: { ...designated, resize: yes },
  queueing: { ...designated, "mirror-off": but(staleMirror), delete: but(tombstone) },
  probation: { ...designated, "mirror-off": but(staleMirror), delete: but(tombstone) },
  replaying: { ...designated, "mirror-off": but(staleMirror) },
  resyncing: { ...designated, "mirror-off": but(staleMirror) },
  paused: {
    ...designated,
    "mirror-off": but(staleMirror),
    pause: no("It is paused already."),
    resume: yes,
  },
  stopped: { ...designated, "mirror-off": but(staleMirror), mode: strictStop, pause: strictStop },
  "split-brain": {
    ...designated,
    "mirror-off": survivor,
    mode: survivor,
    pause: survivor,
    resize: survivor,
    delete: survivor,
  },
} as const satisfies Record<LunState, LunRow>;

/** R5: the first designation makes the copy on the peer, which takes a link that is up. */
const designation = {
  unpaired: no("This server has no peer. Pair it on the Link page first (L3)."),
  connecting: no("The link is being made; a moment."),
  up: yes,
  interrupted: no("The peer cannot be reached; a mirror is made once the link is up (R5)."),
  probation: no("The link is on probation; a mirror is made once it is up (O5)."),
} as const satisfies Record<LinkState, Permission>;

export function mayLun(action: LunAction, lun: Lun, situation: Situation): Permission {
  const general = mayAnything(situation);
  if (!general.allowed) return general;
  if (lun.role === "mirror") {
    const peer = situation.link.peer?.name ?? "the peer";
    return no(`This is the mirror copy. Do it on ${peer}, which is primary for this LUN (S1).`);
  }
  const permission = lunTable[lun.state][action];
  if (!permission.allowed) return permission;
  if (action === "mirror-on" && !designation[situation.link.state].allowed) {
    return designation[situation.link.state];
  }
  const hosts = lun.sessions?.length ?? 0;
  if (action === "delete" && hosts > 0) {
    const lost = `${plural(hosts, "host session")} will lose this disk at once.`;
    return but(permission.warning === null ? lost : `${permission.warning} ${lost}`);
  }
  return permission;
}

type LinkRow = Record<LinkAction, Permission>;

const paired: LinkRow = {
  settings: yes,
  invite: no("This server has a peer already; a link joins exactly two (L3)."),
  join: no("This server has a peer already; remove it first (L3)."),
  remove: but("All LUNs lose their mirror, and the two servers forget the shared secret (L3)."),
  "drill-start": no("There is no link to rehearse an outage on."),
  "drill-stop": no("No drill is running."),
};

const linkTable = {
  unpaired: {
    ...paired,
    invite: yes,
    join: yes,
    remove: no("There is no peer to remove."),
  },
  connecting: { ...paired, "drill-start": no("The link is not up yet.") },
  /** O8: a drill follows the same path as an outage. */
  up: { ...paired, "drill-start": yes },
  interrupted: { ...paired, "drill-start": no("This is a real interruption already.") },
  probation: { ...paired, "drill-start": no("The link is on probation; wait until it is up.") },
} as const satisfies Record<LinkState, LinkRow>;

export function mayLink(action: LinkAction, situation: Situation): Permission {
  const general = mayAnything(situation);
  if (!general.allowed) return general;
  const { state, drillMs } = situation.link;
  if (drillMs !== null) {
    if (action === "drill-start") return no("A drill is running already.");
    if (action === "drill-stop") return yes;
  }
  return linkTable[state][action];
}

/** What every change needs, whatever it is about. */
export function mayAnything(situation: Pick<Situation, "role" | "staleBecause">): Permission {
  if (situation.staleBecause !== null) return no(situation.staleBecause);
  if (situation.role === "viewer") return no("You are signed in as a viewer, who may look only.");
  return yes;
}
