/** What each command answers. */
import type { CommandName, Finding } from "./commands.ts";
import type { Event } from "./event.ts";
import type { Link } from "./link.ts";
import type { Lun } from "./lun.ts";
import type { Outage } from "./outage.ts";
import type { Status } from "./status.ts";

export interface Invitation {
  code: string;
  expiresAt: string;
}

export type Peer = NonNullable<Link["peer"]>;

export interface CommandResults {
  status: Status;
  "peer.invite": Invitation;
  /** Answers when the link is up, or with a failure. */
  "peer.join": Peer;
  "peer.show": Peer | null;
  "peer.remove": null;
  "link.show": Link;
  "link.set": Link;
  "link.wait": Link;
  "lun.create": Lun;
  "lun.list": Lun[];
  "lun.show": Lun;
  "lun.resize": Lun;
  "lun.delete": null;
  "lun.mirror": Lun;
  "lun.mode": Lun;
  "lun.pause": Lun;
  "lun.resume": Lun;
  "lun.set": Lun;
  "lun.wait": Lun;
  "outage.list": Outage[];
  "outage.show": Outage;
  "event.list": Event[];
  "drill.start": Link;
  "drill.stop": Link;
  doctor: Finding[];
}

/** Fails to compile when a command has no result type. */
export type CommandResult<C extends CommandName> = CommandResults[C];
