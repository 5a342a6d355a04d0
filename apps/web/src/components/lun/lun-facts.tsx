"use client";
/** The facts of one LUN beside the controls that change them: its mirror on one hand, its storage on the other. */
import type { Lun } from "@lockstep/model";
import { useState } from "react";
import { bytes, count, duration, exactBytes, plural } from "../../lib/format.ts";
import { Button } from "../ui/button.tsx";
import { Fact, Facts } from "../ui/sheet.tsx";
import { Switch } from "../ui/switch.tsx";
import { MirrorSwitch, ModeSwitch } from "./lun-controls.tsx";
import { JournalUse } from "./lun-figures.tsx";
import { SizeDialog } from "./size-dialog.tsx";
import { blockedBy, useLunActions } from "./use-lun-actions.ts";

const modeMeaning = {
  sync: "hosts are answered when both servers have the write",
  async: "hosts are answered when this server has the write",
} as const;

export function MirrorFacts({ lun }: { lun: Lun }) {
  const [sizing, setSizing] = useState(false);
  const { may } = useLunActions(lun);
  return (
    <>
      <Facts>
        <Fact name="Designated as mirrored">
          <MirrorSwitch lun={lun} />
        </Fact>
        <Fact name="Mode">
          <span className="inline-flex flex-wrap items-center justify-end gap-x-3 gap-y-1">
            <span className="text-sm text-ink-3">{modeMeaning[lun.mode]}</span>
            <ModeSwitch lun={lun} />
          </span>
        </Fact>
        <Fact name="On outage">
          {lun.policy === "continue"
            ? "hosts go on, writes are queued"
            : "hosts are stopped (strict)"}
        </Fact>
        <Fact name="Behind">
          <span className="font-mono">
            {bytes(lun.lag.bytes)}, {duration(lun.lag.ms)}
          </span>
        </Fact>
        <Fact name="Regions that may differ">
          <span className="font-mono">
            {count(lun.dirty.regions)} ({bytes(lun.dirty.bytes)})
          </span>
        </Fact>
        <Fact name="Journal">
          <div className="flex flex-wrap items-center justify-end gap-3">
            <div className="w-44 text-left">
              <JournalUse lun={lun} />
            </div>
            <Button
              size="sm"
              blocked={blockedBy(may("journal-limit"))}
              onClick={() => setSizing(true)}
            >
              Limit …
            </Button>
          </div>
        </Fact>
        <Fact name="Queued requests">
          <span className="font-mono">{plural(lun.journal.requests, "request")}</span>
        </Fact>
      </Facts>
      <SizeDialog lun={lun} what="journal" open={sizing} onOpenChange={setSizing} />
    </>
  );
}

export function StorageFacts({ lun }: { lun: Lun }) {
  const [sizing, setSizing] = useState(false);
  const { may, set } = useLunActions(lun);
  const { name, backing, writeCache } = lun;
  return (
    <>
      <Facts>
        <Fact name="Size">
          <span className="inline-flex flex-wrap items-center justify-end gap-x-3 gap-y-1">
            <span className="font-mono" title={exactBytes(lun.sizeBytes)}>
              {bytes(lun.sizeBytes)}
            </span>
            <Button size="sm" blocked={blockedBy(may("resize"))} onClick={() => setSizing(true)}>
              Resize …
            </Button>
          </span>
        </Fact>
        <Fact name="Write cache">
          <span className="inline-flex flex-wrap items-center justify-end gap-x-3 gap-y-1">
            <span className="text-sm text-ink-3">
              {writeCache ? "stable when a host flushes" : "every write is stable when answered"}
            </span>
            <Switch
              label={`Write cache of ${name}`}
              on={writeCache}
              busy={set.isPending}
              blocked={blockedBy(may("write-cache"))}
              onChange={(on) => set.mutate({ name, writeCache: on })}
            />
          </span>
        </Fact>
        <Fact name={backing.kind === "file" ? "Backing file" : "Backing device"}>
          <code className="font-mono text-sm break-all">{backing.path}</code>
        </Fact>
        <Fact name="iSCSI target">
          <code className="font-mono text-sm break-all">{lun.target.iqn}</code>
        </Fact>
        <Fact name="Portals">
          <code className="font-mono text-sm">{lun.target.portals.join(", ") || "none"}</code>
        </Fact>
        <Fact name="LUN number">
          <span className="font-mono">{lun.number}</span>
        </Fact>
        <Fact name="UUID">
          <code className="font-mono text-sm break-all">{lun.uuid}</code>
        </Fact>
        <Fact name={lun.role === "primary" ? "Worker thread" : "Connection thread"}>
          <span className="font-mono">{lun.thread ?? "none at present"}</span>
        </Fact>
      </Facts>
      <SizeDialog lun={lun} what="lun" open={sizing} onOpenChange={setSizing} />
    </>
  );
}
