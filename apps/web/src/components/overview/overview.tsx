"use client";
/**
 * The first page: both servers with the link drawn between them, then the LUNs, then both connection arrays. On a narrow
 * screen the link and the LUNs come before the servers' facts.
 */
import { useStatus } from "../shell/live-provider.tsx";
import { ConnectionArray } from "./connection-array.tsx";
import { LinkPanel } from "./link-panel.tsx";
import { LunSummary } from "./lun-summary.tsx";
import { PeerServer, ThisServer } from "./server-panel.tsx";

export function Overview() {
  const { server, link } = useStatus();
  const { peer, settings } = link;
  return (
    <div className="grid grid-cols-1 gap-x-10 gap-y-9 sm:grid-cols-2 xl:grid-cols-[13rem_minmax(0,1fr)_13rem]">
      <h1 className="sr-only">Overview</h1>
      <ThisServer />
      <LinkPanel />
      <PeerServer />
      <LunSummary />
      {peer && (
        <div className="order-2 grid gap-x-10 gap-y-9 sm:col-span-2 xl:order-none xl:col-span-3 2xl:grid-cols-2">
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
