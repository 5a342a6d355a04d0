"use client";
/** One of the two servers: this one, of which all is known, or its peer, of which this one knows what it hears. */
import type { ReactNode } from "react";
import { count, dayAndClock, duration, plural, rate } from "../../lib/format.ts";
import { lastHeardMs } from "../../lib/pulses.ts";
import { rateNow } from "../../lib/samples.ts";
import type { Words } from "../../lib/words.ts";
import { useLiveStore, useNow, useStatus } from "../shell/live-provider.tsx";
import { Badge } from "../ui/badge.tsx";
import { Fact, Facts } from "../ui/sheet.tsx";

interface PanelProps {
  kind: string;
  name: string;
  words: Pick<Words, "label" | "tone" | "sign">;
  id: string | null;
  children: ReactNode;
}

function Panel({ kind, name, words, id, children }: PanelProps) {
  return (
    <section
      aria-label={`${kind}: ${name}`}
      className="order-1 flex min-w-0 flex-col xl:order-none"
    >
      <div className="text-sm text-ink-3">{kind}</div>
      <h2 className="truncate font-mono text-2xl font-semibold tracking-[-0.04em]">{name}</h2>
      <div className="mt-2 mb-2">
        <Badge words={words} />
      </div>
      <Facts>{children}</Facts>
      {id && (
        <div title={id} className="mt-1 truncate font-mono text-xs text-ink-3">
          {id}
        </div>
      )}
    </section>
  );
}

const serving = { label: "Serving", tone: "ok", sign: "check" } as const;
const restart = { label: "Restart needed", tone: "wait", sign: "refresh" } as const;

export function ThisServer() {
  const { server, luns } = useStatus();
  const { samples } = useLiveStore();
  const now = useNow(1000);
  const primary = luns.filter(({ role }) => role === "primary");
  const hosts = primary.reduce((sum, { sessions }) => sum + (sessions?.length ?? 0), 0);
  const total = (pick: "readBytes" | "writeBytes") =>
    rateNow(samples, (sample) =>
      Object.values(sample.luns).reduce((sum, counters) => sum + counters[pick], 0),
    );
  return (
    <Panel
      kind="This server"
      name={server.name}
      words={server.restartNeeded ? restart : serving}
      id={server.uuid}
    >
      <Fact name="Primary for">{plural(primary.length, "LUN")}</Fact>
      <Fact name="Mirror for">{plural(luns.length - primary.length, "LUN")}</Fact>
      <Fact name="Host sessions">{count(hosts)}</Fact>
      <Fact name="Hosts read">
        <span className="font-mono">{rate(total("readBytes"))}</span>
      </Fact>
      <Fact name="Hosts write">
        <span className="font-mono">{rate(total("writeBytes"))}</span>
      </Fact>
      <Fact name="Up for">
        <span title={`since ${dayAndClock(Date.parse(server.startedAt))}`}>
          {duration(now - Date.parse(server.startedAt))}
        </span>
      </Fact>
    </Panel>
  );
}

export function PeerServer() {
  const { link, luns } = useStatus();
  const { peer, settings } = link;
  if (peer === null) return null;
  const heard = lastHeardMs(link);
  const silent = heard === null || heard > settings.t1;
  const words = silent
    ? ({ label: heard === null ? "Never heard" : "Silent", tone: "bad", sign: "silence" } as const)
    : ({ label: "Heard", tone: "ok", sign: "check" } as const);
  const primary = luns.filter(({ role }) => role === "mirror").length;
  const mirror = luns.filter(({ role, designated }) => role === "primary" && designated).length;
  return (
    <Panel kind="Peer" name={peer.name} words={words} id={peer.uuid}>
      <Fact name="Primary for">{plural(primary, "LUN")}</Fact>
      <Fact name="Mirror for">{plural(mirror, "LUN")}</Fact>
      <Fact name="Last heard">
        <span className="font-mono">{duration(heard)}</span>
        {heard !== null && " ago"}
      </Fact>
      <Fact name="Address">
        <span className="font-mono">{peer.address}</span>
      </Fact>
      <Fact name="Version">
        <span className="font-mono">{peer.version ?? "unknown"}</span>
      </Fact>
    </Panel>
  );
}
