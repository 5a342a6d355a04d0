/** The link's state in plain words, with what it means at this moment. */
import type { Link } from "@lockstep/model";
import { duration } from "./format.ts";
import { consequences } from "./link-rules.ts";
import { lastHeardMs } from "./pulses.ts";
import { linkStateWords } from "./words.ts";

export function linkSentence(link: Link): string {
  switch (link.state) {
    case "up":
      return `An interruption would be found within ${duration(consequences(link.settings).detectionMs)} of the last heartbeat.`;
    case "interrupted":
      return `${interruption(link)} Hosts go on; writes are queued.`;
    case "probation":
      return "Heartbeats are back. One more gap starts probation anew.";
    case "connecting":
    case "unpaired":
      return linkStateWords[link.state].meaning;
  }
}

/** H3: "I don't hear you" is an interruption for both, so the peer may be heard while the link is interrupted. */
function interruption(link: Link): string {
  const heard = lastHeardMs(link);
  const peer = link.peer?.name ?? "the peer";
  if (heard === null) return "Nothing was ever heard.";
  if (heard > link.settings.t1) return `Nothing heard for ${duration(heard)}.`;
  if (link.drillMs !== null) return `A drill keeps ${peer} from hearing this server.`;
  return `Heartbeats of ${peer} arrive, but it does not hear this server, or a connection was lost.`;
}
