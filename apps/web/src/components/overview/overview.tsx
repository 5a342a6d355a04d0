"use client";
/** The first page: both servers with the link drawn between them, then the LUNs, then both connection arrays. */
import { useStatus } from "../shell/live-provider.tsx";
import { ConnectionArray } from "./connection-array.tsx";
import { LinkPanel } from "./link-panel.tsx";
import { LunSummary } from "./lun-summary.tsx";
import { PeerServer, ThisServer } from "./server-panel.tsx";

export function Overview() {
  const { server, link } = useStatus();
  const { peer, settings } = link;
  return (
    <div className="flex flex-col gap-9">
      <h1 className="sr-only">Overview</h1>
      <div className="grid gap-x-10 gap-y-8 xl:grid-cols-[13rem_minmax(0,1fr)_13rem]">
        <ThisServer />
        <LinkPanel />
        <PeerServer />
      </div>
      <LunSummary />
      {peer && (
        <div className="grid gap-x-10 gap-y-9 2xl:grid-cols-2">
          <ConnectionArray
            which="out"
            title="Local connection array"
            note={`${server.name} → ${peer.name}: mirror requests sent from here`}
            elements={link.connections}
            settings={settings}
          />
          <ConnectionArray
            which="incoming"
            title="Mirror connection array"
            note={`${peer.name} → ${server.name}: mirror requests taken here`}
            elements={link.incoming}
            settings={settings}
          />
        </div>
      )}
    </div>
  );
}
