"use client";
/** The peer: who it is, or how to get one. An invitation is a code with an expiry; the other server joins with it. */
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { mayLink } from "../../lib/allowed.ts";
import { useTRPC } from "../../lib/api.ts";
import { clock, duration } from "../../lib/format.ts";
import { problemOf } from "../../lib/problem.ts";
import { blockedBy, warningOf } from "../lun/use-lun-actions.ts";
import { useNow, useSituation, useStatus } from "../shell/live-provider.tsx";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { CopyLine } from "../ui/copy.tsx";
import { Field, Input } from "../ui/input.tsx";
import { Notice } from "../ui/notice.tsx";
import { Fact, Facts } from "../ui/sheet.tsx";

export function Pairing() {
  const { link } = useStatus();
  return link.peer === null ? <Unpaired /> : <Paired peer={link.peer} />;
}

function Paired({ peer }: { peer: NonNullable<ReturnType<typeof useStatus>["link"]["peer"]> }) {
  const situation = useSituation();
  const trpc = useTRPC();
  const remove = useMutation(trpc.peer.remove.mutationOptions());
  const [asking, setAsking] = useState(false);
  const permission = mayLink("remove", situation);
  return (
    <>
      <Facts>
        <Fact name="Name">
          <span className="font-mono font-medium">{peer.name}</span>
        </Fact>
        <Fact name="Address">
          <span className="font-mono">{peer.address}</span>
        </Fact>
        <Fact name="Version">
          <span className="font-mono">{peer.version ?? "unknown"}</span>
        </Fact>
        <Fact name="UUID">
          <span className="font-mono text-sm break-all">{peer.uuid}</span>
        </Fact>
      </Facts>
      <Button
        look="danger"
        size="sm"
        className="mt-3"
        blocked={blockedBy(permission)}
        onClick={() => setAsking(true)}
      >
        Remove the peer …
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Remove ${peer.name}?`}
        action="Remove the peer"
        typed={peer.name}
        danger
        busy={remove.isPending}
        problem={remove.error ? problemOf(remove.error) : null}
        onConfirm={() => remove.mutate(undefined, { onSuccess: () => setAsking(false) })}
      >
        {warningOf(permission)} Pairing again means a full copy of every LUN.
      </Confirm>
    </>
  );
}

function Unpaired() {
  return (
    <div className="flex flex-col gap-6">
      <Invite />
      <Join />
    </div>
  );
}

function Invite() {
  const { server } = useStatus();
  const situation = useSituation();
  const trpc = useTRPC();
  const invite = useMutation(trpc.peer.invite.mutationOptions());
  const now = useNow(1000);
  const made = invite.data;
  const left = made ? Date.parse(made.expiresAt) - now : 0;
  return (
    <div className="flex flex-col gap-3">
      <h3 className="text-base font-semibold">Invite the other server</h3>
      <p className="text-base text-ink-2">
        The code holds this server’s address and a secret that works once. Enter it on the other
        server’s Link page, or there as a command.
      </p>
      {made && left > 0 ? (
        <>
          <CopyLine text={made.code} label="the invitation" />
          <CopyLine text={`lockstep peer join ${made.code}`} label="the command" />
          <p className="text-sm text-ink-3">
            Valid for <span className="font-mono">{duration(left)}</span>, until{" "}
            <span className="font-mono">{clock(Date.parse(made.expiresAt))}</span>. Whoever has it
            can become {server.name}’s peer.
          </p>
        </>
      ) : (
        <div>
          <Button
            busy={invite.isPending}
            blocked={blockedBy(mayLink("invite", situation))}
            onClick={() => invite.mutate()}
          >
            {made ? "The invitation has expired; make another" : "Make an invitation"}
          </Button>
        </div>
      )}
      {invite.error && <Notice tone="bad" problem={problemOf(invite.error)} />}
    </div>
  );
}

function Join() {
  const situation = useSituation();
  const trpc = useTRPC();
  const join = useMutation(trpc.peer.join.mutationOptions());
  const [code, setCode] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (code.trim() !== "" && !join.isPending) join.mutate({ code: code.trim() });
  };
  return (
    <form className="flex flex-col gap-3" onSubmit={submit}>
      <h3 className="text-base font-semibold">Join with an invitation</h3>
      <Field label="Invitation of the other server">
        {(wiring) => (
          <Input
            {...wiring}
            value={code}
            onChange={(event) => setCode(event.target.value)}
            autoComplete="off"
            spellCheck={false}
            className="font-mono"
          />
        )}
      </Field>
      {join.error && <Notice tone="bad" problem={problemOf(join.error)} />}
      <div>
        <Button
          type="submit"
          busy={join.isPending}
          blocked={
            blockedBy(mayLink("join", situation)) ??
            (code.trim() === "" ? "Enter the other server’s invitation first." : null)
          }
        >
          {join.isPending ? "Joining …" : "Join"}
        </Button>
      </div>
    </form>
  );
}
