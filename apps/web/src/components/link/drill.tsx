"use client";
/** Rehearse an outage: this server's heartbeats fall silent for a while, and everything follows as if the link were lost. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { mayLink } from "../../lib/allowed.ts";
import { useTRPC } from "../../lib/api.ts";
import { duration, plural } from "../../lib/format.ts";
import { problemOf } from "../../lib/problem.ts";
import { blockedBy } from "../lun/use-lun-actions.ts";
import { useSituation, useStatus } from "../shell/live-provider.tsx";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { Field, Input } from "../ui/input.tsx";
import { useToast } from "../ui/toast.tsx";

const LONGEST_S = 3600;
const DEFAULT_S = "10";

export function Drill() {
  const { link } = useStatus();
  const situation = useSituation();
  const toast = useToast();
  const trpc = useTRPC();
  const stop = useMutation(trpc.drill.stop.mutationOptions({ onError: toast.fail }));
  if (link.drillMs === null) return <StartDrill />;
  return (
    <div className="flex flex-col gap-3">
      <p className="text-md">
        A drill is running:{" "}
        <span className="font-mono font-semibold">{duration(link.drillMs)}</span> left. Watch it on
        the overview and among the outages.
      </p>
      <div>
        <Button
          busy={stop.isPending}
          blocked={blockedBy(mayLink("drill-stop", situation))}
          onClick={() => stop.mutate()}
        >
          End it now
        </Button>
      </div>
    </div>
  );
}

function StartDrill() {
  const { link, luns } = useStatus();
  const situation = useSituation();
  const trpc = useTRPC();
  const start = useMutation(trpc.drill.start.mutationOptions());
  const [seconds, setSeconds] = useState(DEFAULT_S);
  const [asking, setAsking] = useState(false);
  const wanted = Number(seconds);
  const error =
    seconds.trim() !== "" && wanted > 0 && wanted <= LONGEST_S ? null : `Enter 1 to ${LONGEST_S}`;
  const { t1, probation } = link.settings;
  const mirrored = luns.filter(({ designated }) => designated).length;
  const short = error === null && wanted * 1000 <= t1;
  const blocked = blockedBy(mayLink("drill-start", situation));
  return (
    <div className="flex flex-col gap-3">
      <p className="text-base text-ink-2">
        Rehearses an outage: this server stops sending heartbeats. Both servers find the
        interruption, queue writes, and heal when it ends. Hosts see no error.
      </p>
      <Field
        label="Silence"
        error={error}
        hint={short ? `Shorter than T1 (${duration(t1)}): nothing will be noticed.` : ""}
      >
        {(wiring) => (
          <div className="flex items-center gap-2">
            <Input
              {...wiring}
              inputMode="decimal"
              value={seconds}
              onChange={(event) => setSeconds(event.target.value)}
              className="max-w-24 text-right font-mono"
            />
            <span className="text-sm text-ink-3">seconds</span>
          </div>
        )}
      </Field>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Button blocked={blocked ?? error} onClick={() => setAsking(true)}>
          Start a drill …
        </Button>
        {blocked && <span className="text-sm text-ink-2">{blocked}</span>}
      </div>
      <Confirm
        open={asking}
        onOpenChange={(open) => {
          start.reset();
          setAsking(open);
        }}
        title="Interrupt the link on purpose?"
        action={`Fall silent for ${duration(wanted * 1000)}`}
        typed="drill"
        busy={start.isPending}
        problem={start.error ? problemOf(start.error) : null}
        onConfirm={() => start.mutate({ seconds: wanted }, { onSuccess: () => setAsking(false) })}
      >
        {plural(mirrored, "mirrored LUN")} will have no second copy of new writes for about{" "}
        {duration(wanted * 1000 + probation)}, the silence and the probation, and then until replay
        has caught up. Should this server fail in that time, what was written since is only here.
      </Confirm>
    </div>
  );
}
