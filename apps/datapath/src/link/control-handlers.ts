/** What the peer may ask on the control channel, and who answers it. */
import { Failure, PROTOCOL_VERSIONS, VERSION } from "@lockstep/model";
import type { PeerLuns } from "../luns/peer-luns.ts";
import type { Hello } from "./control-messages.ts";
import type { ControlHandlers } from "./control-server.ts";
import type { LinkKeeper } from "./link-keeper.ts";
import type { Pairing } from "./pairing.ts";

export interface ControlParties {
  server: string;
  link: LinkKeeper;
  luns: PeerLuns;
  pairing: Pairing;
  /** The peer took the pairing back. */
  unpaired(): Promise<void>;
}

/** What this server says of itself first. */
export function ownHello(server: string, link: LinkKeeper): Hello {
  const { settings, settingsVersion } = link.view();
  return { versions: PROTOCOL_VERSIONS, release: VERSION, name: server, settings, settingsVersion };
}

/** SPEC L4: the highest version both speak; none in common is an error on both consoles. */
export function checkVersions(hello: Hello): void {
  const highest = Math.min(hello.versions.max, PROTOCOL_VERSIONS.max);
  const lowest = Math.max(hello.versions.min, PROTOCOL_VERSIONS.min);
  if (highest >= lowest) return;
  throw new Failure(
    "refused",
    `${hello.name} (release ${hello.release}) and this server (release ${VERSION}) have no protocol version in common`,
    "upgrade the older one",
  );
}

export function controlHandlers(parties: ControlParties): ControlHandlers {
  const { server, link, luns, pairing } = parties;
  return {
    hello: async (hello) => {
      checkVersions(hello);
      await link.met(hello);
      return ownHello(server, link);
    },
    pair: (offer) => pairing.accept(offer),
    ports: async ({ epoch }) => ({ ports: await link.ports(epoch) }),
    reopen: async ({ epoch, index }) => ({ port: await link.reopen(epoch, index) }),
    settings: async ({ settings, version }) => {
      await link.adoptSettings(settings, version, {
        who: "system",
        from: link.peer?.name ?? "peer",
      });
      return { version: link.view().settingsVersion };
    },
    reshape: async ({ outageNumber }) => {
      await link.reshape(outageNumber);
      return {};
    },
    drill: async ({ seconds }) => {
      link.peerDrill(seconds);
      return {};
    },
    "lun.offer": async (offer) => {
      await luns.takeOffer(offer, link.peer?.name ?? "peer");
      return {};
    },
    "lun.census": async ({ uuids }) => {
      await luns.takeCensus(uuids);
      return {};
    },
    unpair: async () => {
      await parties.unpaired();
      return {};
    },
  };
}
