/**
 * What an operator may do in which state: one table for LUNs (state by action) and one for the link, complete by
 * type, so that a new state or action fails to compile here. Each refusal is a sentence for the operator; rule ids in
 * comments are those of packages/engine/SPEC.md. The server decides in the end; this spares people a refusal.
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
  /** How many LUNs this server is primary for and mirrors to its peer. */
  mirroredFromHere: number;
}

const yes: Permission = { allowed: true, warning: null };
const but = (warning: string): Permission => ({ allowed: true, warning });
const no = (because: string): Permission => ({ allowed: false, because });

const alreadyOn = no("It is designated as mirrored already.");
const notDesignated = no("It is not designated as mirrored.");
const notPaused = no("It is not paused.");
const survivor = no("Split brain: an operator must pick the surviving copy first.");
const strictStop = no("It is stopped until the mirror is back.");
const laterCopy =
  "Switching mirroring off leaves the mirror behind; on again means a full copy of the LUN.";
const staleMirror =
  "The mirror lacks writes at present. Switching mirroring off leaves it with an older state.";
const formerCopy =
  "If it was mirrored before, the old copy on the peer stays until it is deleted there.";
const queueGrows = "Writes will be queued, and nothing is mirrored until you resume.";

type LunRow = Record<LunAction, Permission>;

/** C1: designation and mode can be changed at any time while hosts write; size and existence only apart from a mirror. */
const designated: LunRow = {
  "mirror-on": alreadyOn,
  "mirror-off": but(laterCopy),
  mode: yes,
  pause: but(queueGrows),
  resume: notPaused,
  resize: no(
    "A mirrored LUN cannot be resized yet. Switch mirroring off, resize, and switch it on again; that copies it in full.",
  ),
  "journal-limit": yes,
  "write-cache": yes,
  delete: no("It is mirrored. Switch mirroring off first, then delete it."),
};
const behind: LunRow = { ...designated, "mirror-off": but(staleMirror) };

const lunTable = {
  unmirrored: {
    ...designated,
    "mirror-on": but("The peer makes a copy of the same size, and everything is copied once."),
    "mirror-off": notDesignated,
    pause: notDesignated,
    resize: yes,
    delete: but(formerCopy),
  },
  initializing: {
    ...designated,
    pause: but("The copy stops, and starts anew when you resume."),
  },
  mirrored: designated,
  queueing: behind,
  probation: behind,
  replaying: behind,
  resyncing: behind,
  paused: { ...behind, pause: no("It is paused already."), resume: yes },
  stopped: { ...behind, mode: strictStop, pause: strictStop },
  "split-brain": {
    ...designated,
    "mirror-off": survivor,
    mode: survivor,
    pause: survivor,
    resize: survivor,
    delete: survivor,
  },
} as const satisfies Record<LunState, LunRow>;

/** R5: the copy on the peer is made once the two can speak; it can be asked for before. */
const copyLater = but("The peer cannot be reached now; the copy begins once the link is up.");
const designation = {
  unpaired: no("This server has no peer. Pair it on the Link page first."),
  connecting: copyLater,
  up: yes,
  interrupted: copyLater,
  probation: copyLater,
} as const satisfies Record<LinkState, Permission>;

export function mayLun(action: LunAction, lun: Lun, situation: Situation): Permission {
  const general = mayAnything(situation);
  if (!general.allowed) return general;
  if (lun.role === "mirror") return mayMirrorCopy(action, lun, situation);
  const permission = lunTable[lun.state][action];
  if (!permission.allowed) return permission;
  if (action === "mirror-on" && situation.link.state !== "up") {
    return designation[situation.link.state];
  }
  const hosts = lun.sessions?.length ?? 0;
  if (action === "delete" && hosts > 0) {
    const lost = `${plural(hosts, "host session")} will lose this disk at once.`;
    return but(permission.warning === null ? lost : `${permission.warning} ${lost}`);
  }
  return permission;
}

/** S1: a mirror copy is commanded at its primary; only one that is no longer mirrored to may be thrown away here. */
function mayMirrorCopy(action: LunAction, lun: Lun, { link }: Situation): Permission {
  const peer = link.peer?.name ?? "the peer";
  if (!lun.designated) {
    return action === "delete"
      ? but("This is a former mirror copy; nothing is mirrored to it any more.")
      : no("This is a former mirror copy. It can only be deleted.");
  }
  return no(`This is the mirror copy. Do it on ${peer}, which is primary for this LUN.`);
}

type LinkRow = Record<LinkAction, Permission>;

const paired: LinkRow = {
  settings: yes,
  invite: no("This server has a peer already; a link joins exactly two."),
  join: no("This server has a peer already; remove it first."),
  remove: but("The two servers forget each other and their shared secret."),
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
  const mirrored = situation.mirroredFromHere;
  if (action === "remove" && state !== "unpaired" && mirrored > 0) {
    return no(
      `${plural(mirrored, "LUN is", "LUNs are")} mirrored to it. Switch their mirroring off first.`,
    );
  }
  return linkTable[state][action];
}

/** What every change needs, whatever it is about. */
export function mayAnything(situation: Pick<Situation, "role" | "staleBecause">): Permission {
  if (situation.staleBecause !== null) return no(situation.staleBecause);
  if (situation.role === "viewer") return no("You are signed in as a viewer, who may look only.");
  return yes;
}
