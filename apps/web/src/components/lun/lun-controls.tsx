"use client";
/** The two controls that stand wherever a LUN is listed: designated as mirrored, and synchronous or asynchronous. */
import type { Lun } from "@lockstep/model";
import { useState } from "react";
import { Confirm } from "../ui/confirm.tsx";
import { Segmented } from "../ui/segmented.tsx";
import { Switch } from "../ui/switch.tsx";
import { blockedBy, useLunActions, warningOf } from "./use-lun-actions.ts";

/** On is asked for at once; off loses the mirror's use, so it is asked twice. */
export function MirrorSwitch({ lun }: { lun: Lun }) {
  const { may, mirror } = useLunActions(lun);
  const [asking, setAsking] = useState(false);
  const { name, designated } = lun;
  const permission = may(designated ? "mirror-off" : "mirror-on");
  return (
    <>
      <Switch
        label={`${name} is mirrored`}
        testId={`lun-mirror-${name}`}
        on={designated}
        busy={mirror.isPending}
        blocked={blockedBy(permission)}
        onChange={(on) => (on ? mirror.mutate({ name, on }) : setAsking(true))}
      />
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Stop mirroring ${name}?`}
        action="Stop mirroring"
        danger
        busy={mirror.isPending}
        problem={null}
        onConfirm={() => mirror.mutate({ name, on: false }, { onSettled: () => setAsking(false) })}
      >
        Hosts go on without a second copy of what they write. {warningOf(permission)}
      </Confirm>
    </>
  );
}

const modes = [
  { value: "sync", label: "sync" },
  { value: "async", label: "async" },
] as const;

export function ModeSwitch({ lun }: { lun: Lun }) {
  const { may, mode } = useLunActions(lun);
  const { name } = lun;
  return (
    <Segmented
      label={`Mode of ${name}`}
      testId={`lun-mode-${name}`}
      value={lun.mode}
      options={modes}
      busy={mode.isPending}
      blocked={blockedBy(may("mode"))}
      onChange={(value) => mode.mutate({ name, mode: value })}
    />
  );
}
