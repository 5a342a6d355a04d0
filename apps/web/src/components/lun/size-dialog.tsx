"use client";
/** One dialog for the two sizes a LUN has: its own, and its journal's limit. */
import type { Lun } from "@lockstep/model";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTRPC } from "../../lib/api.ts";
import { bytes } from "../../lib/format.ts";
import { problemOf } from "../../lib/problem.ts";
import { checkSize, entryOf } from "../../lib/size-input.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Input } from "../ui/input.tsx";
import { Notice } from "../ui/notice.tsx";
import { SizeField } from "../ui/size-field.tsx";

interface SizeDialogProps {
  lun: Lun;
  what: "lun" | "journal";
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function SizeDialog({ lun, what, open, onOpenChange }: SizeDialogProps) {
  const title = what === "lun" ? `Resize ${lun.name}` : `Journal limit of ${lun.name}`;
  const description =
    what === "lun"
      ? "Growing is seen by hosts at their next rescan. Shrinking cuts off what lies at the end."
      : "A journal past its limit is given up, and the LUN then heals by a full copy instead of a replay.";
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={title} description={description}>
      <SizeForm lun={lun} what={what} onDone={() => onOpenChange(false)} />
    </Dialog>
  );
}

function SizeForm({
  lun,
  what,
  onDone,
}: Omit<SizeDialogProps, "open" | "onOpenChange"> & { onDone: () => void }) {
  const trpc = useTRPC();
  const resize = useMutation(trpc.lun.resize.mutationOptions());
  const set = useMutation(trpc.lun.set.mutationOptions());
  const present = what === "lun" ? lun.sizeBytes : lun.journal.limitBytes;
  const [entry, setEntry] = useState(() => entryOf(present));
  const [typed, setTyped] = useState("");
  const wanted = checkSize(entry);
  const shrinks = what === "lun" && wanted.bytes !== null && wanted.bytes < lun.sizeBytes;
  const error = what === "lun" ? resize.error : set.error;
  const busy = resize.isPending || set.isPending;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wanted.bytes === null || busy || (shrinks && typed !== lun.name)) return;
    if (what === "lun") {
      resize.mutate({ name: lun.name, size: wanted.bytes }, { onSuccess: onDone });
    } else {
      set.mutate({ name: lun.name, journalLimit: wanted.bytes }, { onSuccess: onDone });
    }
  };
  return (
    <form className="flex flex-col gap-4" onSubmit={submit} noValidate>
      <SizeField
        label={what === "lun" ? "New size" : "Limit"}
        entry={entry}
        onChange={setEntry}
        hint={`At present ${bytes(present)}.`}
        showError
      />
      {shrinks && (
        <>
          <Notice tone="bad">
            {bytes(lun.sizeBytes - wanted.bytes)} at the end of the LUN will be lost on both
            servers. Shrink the file system on it first.
          </Notice>
          <Field label={`Type “${lun.name}” to confirm`}>
            {(wiring) => (
              <Input
                {...wiring}
                value={typed}
                onChange={(event) => setTyped(event.target.value)}
                autoComplete="off"
                className="font-mono"
              />
            )}
          </Field>
        </>
      )}
      {error && <Notice tone="bad" problem={problemOf(error)} />}
      <div className="flex justify-end gap-2">
        <Button onClick={onDone}>Cancel</Button>
        <Button
          type="submit"
          look={shrinks ? "danger" : "solid"}
          busy={busy}
          blocked={shrinks && typed !== lun.name ? `Type “${lun.name}” first.` : null}
        >
          {what === "lun" ? (shrinks ? "Shrink" : "Resize") : "Set the limit"}
        </Button>
      </div>
    </form>
  );
}
