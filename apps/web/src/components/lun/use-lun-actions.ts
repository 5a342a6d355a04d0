"use client";
/** What can be done to one LUN: each verb with whether it may be done now, and the request that does it. */
import type { Lun } from "@lockstep/model";
import { useMutation } from "@tanstack/react-query";
import { type LunAction, mayLun, type Permission } from "../../lib/allowed.ts";
import { useTRPC } from "../../lib/api.ts";
import { useSituation } from "../shell/live-provider.tsx";
import { useToast } from "../ui/toast.tsx";

export const blockedBy = (permission: Permission): string | null =>
  permission.allowed ? null : permission.because;
export const warningOf = (permission: Permission): string | null =>
  permission.allowed ? permission.warning : null;

export function useLunActions(lun: Lun) {
  const trpc = useTRPC();
  const situation = useSituation();
  const toast = useToast();
  const onError = toast.fail;
  return {
    may: (action: LunAction) => mayLun(action, lun, situation),
    mirror: useMutation(trpc.lun.mirror.mutationOptions({ onError })),
    mode: useMutation(trpc.lun.mode.mutationOptions({ onError })),
    pause: useMutation(trpc.lun.pause.mutationOptions({ onError })),
    resume: useMutation(trpc.lun.resume.mutationOptions({ onError })),
    set: useMutation(trpc.lun.set.mutationOptions({ onError })),
  };
}
