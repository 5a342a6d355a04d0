"use client";
/** The link's times and number of connections, checked while one types, with what follows from them beside. */
import type { LinkSettings } from "@lockstep/model";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { mayLink } from "../../lib/allowed.ts";
import { useTRPC } from "../../lib/api.ts";
import { duration, plural } from "../../lib/format.ts";
import {
  checkSettings,
  consequences,
  type SettingName,
  settingOrder,
  settingWords,
} from "../../lib/link-rules.ts";
import { problemOf } from "../../lib/problem.ts";
import { blockedBy } from "../lun/use-lun-actions.ts";
import { useSituation, useStatus } from "../shell/live-provider.tsx";
import { Button } from "../ui/button.tsx";
import { Field, Input } from "../ui/input.tsx";
import { Notice } from "../ui/notice.tsx";
import { Fact, Facts } from "../ui/sheet.tsx";
import { useToast } from "../ui/toast.tsx";
import { SettingsDrawing } from "./settings-drawing.tsx";

type Entries = Record<SettingName, string>;

const entriesOf = (settings: LinkSettings): Entries => ({
  t1: String(settings.t1),
  t2: String(settings.t2),
  t3: String(settings.t3),
  t4: String(settings.t4),
  probation: String(settings.probation),
  connections: String(settings.connections),
});

function numberOf(text: string): number {
  return /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
}

function settingsOf(entries: Entries): LinkSettings {
  return {
    t1: numberOf(entries.t1),
    t2: numberOf(entries.t2),
    t3: numberOf(entries.t3),
    t4: numberOf(entries.t4),
    probation: numberOf(entries.probation),
    connections: numberOf(entries.connections),
  };
}

export function SettingsForm() {
  const { link } = useStatus();
  const situation = useSituation();
  const toast = useToast();
  const trpc = useTRPC();
  const save = useMutation(trpc.link.set.mutationOptions());
  const [entries, setEntries] = useState(() => entriesOf(link.settings));
  const wanted = settingsOf(entries);
  const errors = checkSettings(wanted);
  const changed = settingOrder.filter((name) => wanted[name] !== link.settings[name]);
  const valid = Object.keys(errors).length === 0;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!valid || changed.length === 0 || save.isPending) return;
    const patch = Object.fromEntries(changed.map((name) => [name, wanted[name]]));
    save.mutate(patch, {
      onSuccess: () => toast.tell({ title: "The settings rule from now on.", tone: "ok" }),
    });
  };
  const blocked =
    blockedBy(mayLink("settings", situation)) ??
    (changed.length === 0 ? "Nothing is changed." : valid ? null : "Mend the fields marked first.");
  return (
    <form className="flex flex-col gap-6" onSubmit={submit} noValidate>
      <div className="grid gap-x-8 gap-y-4 sm:grid-cols-2">
        {settingOrder.map((name) => (
          <SettingField
            key={name}
            name={name}
            value={entries[name]}
            error={errors[name]}
            onChange={(value) => setEntries((before) => ({ ...before, [name]: value }))}
          />
        ))}
      </div>
      <Consequences settings={valid ? wanted : null} changed={changed.length > 0} />
      {save.error && <Notice tone="bad" problem={problemOf(save.error)} />}
      <div className="flex gap-2">
        <Button type="submit" look="solid" busy={save.isPending} blocked={blocked}>
          Apply to both servers
        </Button>
        <Button
          look="quiet"
          blocked={changed.length === 0 ? "Nothing is changed." : null}
          onClick={() => setEntries(entriesOf(link.settings))}
        >
          Back to what rules now
        </Button>
      </div>
    </form>
  );
}

interface SettingFieldProps {
  name: SettingName;
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}

function SettingField({ name, value, error, onChange }: SettingFieldProps) {
  const { symbol, label, meaning } = settingWords[name];
  return (
    <Field
      label={
        <>
          <span className="mr-2 font-mono text-ink-3">{symbol}</span>
          {label}
        </>
      }
      hint={meaning}
      error={error}
    >
      {(wiring) => (
        <div className="flex items-center gap-2">
          <Input
            {...wiring}
            inputMode="numeric"
            autoComplete="off"
            value={value}
            onChange={(event) => onChange(event.target.value)}
            className="max-w-32 text-right font-mono"
          />
          <span className="text-sm text-ink-3">{name === "connections" ? "" : "ms"}</span>
        </div>
      )}
    </Field>
  );
}

function Consequences({ settings, changed }: { settings: LinkSettings | null; changed: boolean }) {
  if (settings === null) {
    return <p className="text-base text-ink-2">Mend the fields marked to see what would follow.</p>;
  }
  const told = consequences(settings);
  return (
    <div>
      <h3 className="mb-1 text-sm font-medium text-ink-3">
        {changed ? "What would follow" : "What follows"}, as long as{" "}
        <span className="font-mono text-ink">T2 &lt; T1 ≤ T3 ≤ P</span>
      </h3>
      <SettingsDrawing settings={settings} />
      <Facts>
        <Fact name="An interruption is found, at worst, after (T1 + 2·T2)">
          <span className="font-mono font-medium">{duration(told.detectionMs)}</span>
        </Fact>
        <Fact name="A host’s write waits because of it for at most">
          <span className="font-mono font-medium">{duration(told.hostWaitMs)}</span>
        </Fact>
        <Fact name="Heartbeats in a row that may get lost unnoticed">
          <span className="font-mono font-medium">{told.toleratedLosses}</span>
        </Fact>
        <Fact name="After heartbeats return, replay begins at the earliest after (P)">
          <span className="font-mono font-medium">{duration(told.returnMs)}</span>
        </Fact>
        <Fact name="Heartbeats each way">
          <span className="font-mono font-medium">
            {plural(told.heartbeatsPerSecond, "message")} a second
          </span>
        </Fact>
      </Facts>
    </div>
  );
}
