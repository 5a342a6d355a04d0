"use client";
/** Pause or resume mirroring, and delete: the verbs at the head of a LUN's page. */
import type { Lun } from "@lockstep/model";
import { useMutation } from "@tanstack/react-query";
import { Pause, Play, Trash2 } from "lucide-react";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { mayLun } from "../../lib/allowed.ts";
import { useTRPC } from "../../lib/api.ts";
import { problemOf } from "../../lib/problem.ts";
import { useSituation } from "../shell/live-provider.tsx";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { useToast } from "../ui/toast.tsx";
import { blockedBy, useLunActions, warningOf } from "./use-lun-actions.ts";

export function PauseButton({ lun }: { lun: Lun }) {
  const { may, pause, resume } = useLunActions(lun);
  const [asking, setAsking] = useState(false);
  const { name } = lun;
  if (lun.state === "paused") {
    return (
      <Button
        look="solid"
        busy={resume.isPending}
        blocked={blockedBy(may("resume"))}
        onClick={() => resume.mutate({ name })}
      >
        <Play size={14} aria-hidden />
        Resume mirroring
      </Button>
    );
  }
  const permission = may("pause");
  return (
    <>
      <Button
        busy={pause.isPending}
        blocked={blockedBy(permission)}
        onClick={() => setAsking(true)}
      >
        <Pause size={14} aria-hidden />
        Pause mirroring
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Pause mirroring of ${name}?`}
        action="Pause"
        busy={pause.isPending}
        problem={null}
        onConfirm={() => pause.mutate({ name }, { onSettled: () => setAsking(false) })}
      >
        Hosts go on. {warningOf(permission)}
      </Confirm>
    </>
  );
}

export function DeleteButton({ lun }: { lun: Lun }) {
  const trpc = useTRPC();
  const router = useRouter();
  const toast = useToast();
  const situation = useSituation();
  const [asking, setAsking] = useState(false);
  const remove = useMutation(trpc.lun.delete.mutationOptions());
  const permission = mayLun("delete", lun, situation);
  const { name } = lun;
  const confirm = () =>
    remove.mutate(
      { name },
      {
        onSuccess: () => {
          toast.tell({ title: `LUN ${name} is deleted.`, tone: "ok" });
          router.push("/luns");
        },
      },
    );
  return (
    <>
      <Button look="danger" blocked={blockedBy(permission)} onClick={() => setAsking(true)}>
        <Trash2 size={14} aria-hidden />
        Delete …
      </Button>
      <Confirm
        open={asking}
        onOpenChange={(open) => {
          remove.reset();
          setAsking(open);
        }}
        title={`Delete ${name} and its data?`}
        action="Delete for good"
        typed={name}
        danger
        busy={remove.isPending}
        problem={remove.error ? problemOf(remove.error) : null}
        onConfirm={confirm}
      >
        The data on this LUN cannot be brought back. {warningOf(permission)}
      </Confirm>
    </>
  );
}
