"use client";
/** The link: its settings and what follows from them, its history, the peer, and rehearsals of its loss. */
import { linkStateWords } from "../../lib/words.ts";
import { useStatus } from "../shell/live-provider.tsx";
import { Badge } from "../ui/badge.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { Sheet } from "../ui/sheet.tsx";
import { Drill } from "./drill.tsx";
import { Pairing } from "./pairing.tsx";
import { RoundTripChart } from "./round-trip-chart.tsx";
import { SettingsForm } from "./settings-form.tsx";

export function LinkPage() {
  const { link, server } = useStatus();
  const { peer } = link;
  const words = linkStateWords[link.state];
  return (
    <>
      <PageHead
        title="Link"
        note={
          <span className="font-mono">
            {server.name} ⇄ {peer?.name ?? "no peer"}
          </span>
        }
      >
        <Badge words={words} large data-testid="link-state" data-state={link.state} />
      </PageHead>
      <div className="grid gap-x-12 gap-y-10 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <Sheet
          title="Settings"
          note={`version ${link.settingsVersion}; the higher one rules both servers`}
        >
          {/* Anew for each version: what was entered against older settings is not kept. */}
          <SettingsForm key={link.settingsVersion} />
        </Sheet>
        <div className="flex min-w-0 flex-col gap-10">
          <Sheet title="Peer">
            <Pairing />
          </Sheet>
          <Sheet title="Drill">
            <Drill />
          </Sheet>
        </div>
        {peer && (
          <Sheet
            title="Round trip"
            note="since this page was opened, at most ten minutes"
            className="xl:col-span-2"
          >
            <RoundTripChart />
          </Sheet>
        )}
      </div>
    </>
  );
}
