/** What the local socket's commands do: each a wish to the LUNs, the link or the logs. */
import { Failure, type LinkState, type LunState } from "@lockstep/model";
import type { Appliance } from "./appliance.ts";
import { findings } from "./doctor.ts";
import { noPeer } from "./link/link-keeper.ts";
import type { CommandHandlers } from "./local-socket.ts";

/** `peer join` answers when the link is up, or fails after this. */
const JOIN_TIMEOUT_MS = 60_000;

/** Waits, by events, until `look` finds what is wanted; fails with `timeout` after so long. */
function waitFor<T>(
  appliance: Appliance,
  timeoutMs: number,
  look: () => T | null,
  late: () => Failure,
): Promise<T> {
  const now = look();
  if (now !== null) return Promise.resolve(now);
  return new Promise((resolve, reject) => {
    const end = (): void => {
      stop();
      clearTimeout(timer);
    };
    const timer = setTimeout(() => {
      end();
      reject(late());
    }, timeoutMs);
    const stop = appliance.onChange(() => {
      try {
        const found = look();
        if (found === null) return;
        end();
        resolve(found);
      } catch (error) {
        end();
        reject(error);
      }
    });
  });
}

function waitForLink(appliance: Appliance, state: LinkState, timeoutMs: number) {
  return waitFor(
    appliance,
    timeoutMs,
    () => (appliance.link.state === state ? appliance.link.view() : null),
    () => new Failure("timeout", `the link is ${appliance.link.state}, not ${state}`),
  );
}

function waitForLun(appliance: Appliance, name: string, state: LunState, timeoutMs: number) {
  return waitFor(
    appliance,
    timeoutMs,
    () => {
      const lun = appliance.luns.view(name);
      return lun.state === state ? lun : null;
    },
    () => {
      const lun = appliance.luns.view(name);
      const reason = lun.reason === null ? "" : ` (${lun.reason})`;
      return new Failure("timeout", `LUN "${name}" is ${lun.state}${reason}, not ${state}`);
    },
  );
}

export function commandHandlers(appliance: Appliance): CommandHandlers {
  const { luns, link, pairing, outages, events } = appliance;
  return {
    status: () => appliance.status(),
    "peer.invite": (_params, actor) => {
      const invitation = pairing.invite(Date.now());
      const message = "an invitation to pair was made";
      appliance.event("peer-invited", "info", actor, "link", message, null, null);
      return invitation;
    },
    "peer.join": async ({ code }, actor) => {
      await pairing.join(code, actor);
      const up = await waitForLink(appliance, "up", JOIN_TIMEOUT_MS);
      if (up.peer === null) throw noPeer();
      return up.peer;
    },
    "peer.show": () => link.view().peer,
    "peer.remove": async (_params, actor) => {
      if (link.peer === null) throw noPeer();
      if (luns.isAnyMirrored) {
        throw new Failure("refused", "LUNs are still mirrored", "turn their mirroring off first");
      }
      await appliance.connector.channel?.request("unpair", {}).catch(() => undefined);
      await appliance.removePeer(actor);
      return null;
    },
    "link.show": () => link.view(),
    "link.set": async (patch, actor) => {
      await link.set(patch, actor);
      return link.view();
    },
    "link.wait": ({ state, timeoutS }) => waitForLink(appliance, state, timeoutS * 1000),
    "lun.create": (wish, actor) => luns.create(wish, actor),
    "lun.list": () => luns.views(),
    "lun.show": ({ name }) => luns.view(name),
    "lun.resize": ({ name, size }, actor) => luns.resize(name, size, actor),
    "lun.delete": ({ name }, actor) => luns.delete(name, actor),
    "lun.mirror": ({ name, on }, actor) => luns.mirror(name, on, actor),
    "lun.mode": ({ name, mode }, actor) => luns.set(name, { mode }, actor),
    "lun.pause": ({ name }, actor) => luns.pause(name, true, actor),
    "lun.resume": ({ name }, actor) => luns.pause(name, false, actor),
    "lun.set": ({ name, journalLimit, writeCache }, actor) =>
      luns.set(
        name,
        {
          ...(journalLimit === undefined ? {} : { journalLimitBytes: journalLimit }),
          ...(writeCache === undefined ? {} : { writeCache }),
        },
        actor,
      ),
    "lun.wait": ({ name, state, timeoutS }) => waitForLun(appliance, name, state, timeoutS * 1000),
    "outage.list": () => outages.list(),
    "outage.show": ({ id }) => {
      const outage = outages.get(id);
      if (outage === null) throw new Failure("not-found", `there is no outage ${id}`);
      return outage;
    },
    "event.list": ({ since }) => events.since(since ?? null),
    "drill.start": async ({ seconds }, actor) => {
      if (link.peer === null) throw noPeer();
      await link.drill(seconds);
      const message = `a drill silences this server's heartbeats for ${seconds} s`;
      appliance.event("drill", "warning", actor, "link", message, null, null);
      return link.view();
    },
    "drill.stop": async (_params, actor) => {
      await link.drill(0);
      appliance.event("drill", "info", actor, "link", "the drill was ended", null, null);
      return link.view();
    },
    doctor: () => findings(appliance.status(), appliance.options.data),
  };
}
