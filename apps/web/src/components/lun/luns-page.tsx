"use client";
/** All LUNs, and the way to make another. */
import { Plus } from "lucide-react";
import { useState } from "react";
import { mayAnything } from "../../lib/allowed.ts";
import { plural } from "../../lib/format.ts";
import { useSituation, useStatus } from "../shell/live-provider.tsx";
import { Button } from "../ui/button.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { useWide } from "../ui/use-wide.ts";
import { CreateLun } from "./create-lun.tsx";
import { LunList } from "./lun-list.tsx";
import { LunTable } from "./lun-table.tsx";
import { blockedBy } from "./use-lun-actions.ts";

const TABLE_FROM_PX = 1180;

export function LunsPage() {
  const { luns } = useStatus();
  const situation = useSituation();
  const [creating, setCreating] = useState(false);
  const wide = useWide(TABLE_FROM_PX);
  return (
    <>
      <PageHead title="LUNs" note={plural(luns.length, "block device")}>
        <Button
          look="solid"
          blocked={blockedBy(mayAnything(situation))}
          onClick={() => setCreating(true)}
        >
          <Plus size={15} aria-hidden />
          Create a LUN
        </Button>
      </PageHead>
      {luns.length === 0 ? (
        <p className="max-w-prose py-10 text-md text-ink-2">
          There are no LUNs yet. A LUN is a disk that hosts reach over iSCSI; once it exists, switch
          “mirrored” on and every write also goes to the peer.
        </p>
      ) : wide ? (
        <LunTable luns={luns} />
      ) : (
        <LunList luns={luns} />
      )}
      <CreateLun open={creating} onOpenChange={setCreating} />
    </>
  );
}
