"use client";
/** What must be known before any figure is read: that figures are old, that history is kept back, that a restart is due. */
import type { ReactNode } from "react";
import { clock } from "../../lib/format.ts";
import type { Trust } from "../../lib/live.ts";
import type { Tone } from "../../lib/words.ts";
import { Sign } from "../ui/sign.tsx";
import { useLive } from "./live-provider.tsx";

const words = {
  lost: "Connection to the server lost",
  away: "The data path does not answer its backend",
  silent: "The server's figures have stopped coming",
} as const satisfies Record<Exclude<Trust["kind"], "live" | "waiting">, string>;

export function AwayBanner() {
  const { status, trust, atMs } = useLive();
  return (
    <div aria-live="assertive">
      {trust.kind !== "live" && trust.kind !== "waiting" && (
        <Line tone="bad" testId="stale-banner">
          <strong className="font-semibold">{words[trust.kind]}.</strong> Figures are from{" "}
          <span className="font-mono font-semibold">{atMs === null ? "unknown" : clock(atMs)}</span>
          ; what happened since is not known. Trying again.
        </Line>
      )}
      {trust.kind === "live" && status?.database === "away" && (
        <Line tone="wait" testId="database-banner">
          <strong className="font-semibold">Database away.</strong> LUNs are served and mirrored as
          before. Events are kept beside the data and written when it returns.
        </Line>
      )}
      {trust.kind === "live" && status?.server.restartNeeded && (
        <Line tone="wait" testId="restart-banner">
          <strong className="font-semibold">Restart needed.</strong> The data path runs with other
          arguments, or another version, than its supervisor would start now.
        </Line>
      )}
    </div>
  );
}

function Line({ tone, testId, children }: { tone: Tone; testId: string; children: ReactNode }) {
  return (
    <div
      data-tone={tone}
      data-testid={testId}
      className="flex items-start gap-2.5 border-b border-tone bg-tone-wash px-4 py-2 text-base text-tone sm:px-6 lg:px-8"
    >
      <span className="mt-[3px]">
        <Sign name={tone === "bad" ? "broken" : "warning"} />
      </span>
      <p>{children}</p>
    </div>
  );
}
