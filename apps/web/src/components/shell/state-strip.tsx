"use client";
import { clsx } from "clsx";
import { attentionOf } from "../../lib/attention.ts";
/**
 * The line at the top of every page: the two servers, the link between them, how many LUNs are mirrored, and whether it
 * is live.
 */
import { duration } from "../../lib/format.ts";
import { lastHeardMs } from "../../lib/pulses.ts";
import { linkStateWords } from "../../lib/words.ts";
import { Badge } from "../ui/badge.tsx";
import { useLive, useStatus } from "./live-provider.tsx";
import { Logo } from "./logo.tsx";

export function StateStrip() {
  const { server, link, luns } = useStatus();
  const live = useLive().trust.kind === "live";
  const designated = luns.filter((lun) => lun.designated);
  const mirrored = designated.filter((lun) => lun.state === "mirrored").length;
  const waiting = luns.filter((lun) => attentionOf(lun) !== null).length;
  const heard = lastHeardMs(link);
  return (
    <header className="sticky top-0 z-30 flex h-12 items-center gap-3 border-b border-rule bg-sheet px-4 sm:px-6 lg:px-8">
      <span className="text-ink lg:hidden">
        <Logo size={20} />
      </span>
      <div className={clsx("flex min-w-0 items-center gap-3", !live && "stale")}>
        <div className="flex min-w-0 items-center gap-2 font-mono text-base">
          <span className="truncate font-semibold">{server.name}</span>
          {link.peer && (
            <>
              <span aria-hidden className="text-ink-3">
                ⇄
              </span>
              <span className="truncate text-ink-2">{link.peer.name}</span>
            </>
          )}
        </div>
        <Badge words={linkStateWords[link.state]} />
        <div className="hidden min-w-0 items-center gap-4 text-sm text-ink-2 md:flex">
          {link.peer && (
            <span>
              last heard <span className="font-mono">{duration(heard)}</span>
              {heard === null ? "" : " ago"}
            </span>
          )}
          <span>
            {designated.length === 0
              ? "no LUN is designated as mirrored"
              : `${mirrored} of ${designated.length} mirrored`}
          </span>
          {waiting > 0 && <span className="font-medium text-ink">{waiting} need attention</span>}
        </div>
      </div>
      <LiveMark />
    </header>
  );
}

function LiveMark() {
  const { trust } = useLive();
  const live = trust.kind === "live";
  return (
    <span
      data-tone={live ? "ok" : "bad"}
      data-testid="live-mark"
      className="ml-auto inline-flex items-center gap-1.5 text-sm font-medium text-tone"
    >
      <span
        aria-hidden
        className={live ? "size-2 rounded-full bg-tone-fill" : "size-2 border-2 border-tone-fill"}
      />
      {live ? "Live" : "Not live"}
    </span>
  );
}
