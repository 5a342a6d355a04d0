"use client";
/** The second factor of one's own account: set it up with an authenticator, keep the backup codes, give it up. */
import { type FormEvent, useEffect, useState } from "react";
import type { Problem } from "../../lib/problem.ts";
import {
  beginSecondFactor,
  endSecondFactor,
  type SecondFactor as Factor,
  hasSecondFactor,
  verifyCode,
} from "../../lib/session.ts";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { CopyLine } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Input } from "../ui/input.tsx";
import { Notice } from "../ui/notice.tsx";

const words = {
  on: { label: "On", tone: "ok", sign: "check" },
  off: { label: "Off", tone: "calm", sign: "dashed" },
  unknown: { label: "Unknown", tone: "calm", sign: "info" },
} as const;

export function SecondFactor() {
  const [on, setOn] = useState<boolean | null>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    void hasSecondFactor().then(setOn);
  }, []);
  const close = (now: boolean) => {
    setOn(now);
    setOpen(false);
  };
  return (
    <>
      <span className="inline-flex items-center gap-3">
        <Badge words={words[on === null ? "unknown" : on ? "on" : "off"]} />
        <Button
          size="sm"
          blocked={on === null ? "The database does not tell at present." : null}
          onClick={() => setOpen(true)}
        >
          {on ? "Give up …" : "Set up …"}
        </Button>
      </span>
      <Dialog
        open={open}
        onOpenChange={setOpen}
        title={on ? "Give the second factor up" : "Set up a second factor"}
        description={
          on
            ? "Signing in will take the password alone."
            : "Signing in will also take a code from an authenticator app."
        }
      >
        {on ? <GiveUp onDone={() => close(false)} /> : <SetUp onDone={() => close(true)} />}
      </Dialog>
    </>
  );
}

interface AskProps {
  label: string;
  secret: boolean;
  action: string;
  onSubmit: (value: string) => Promise<Problem | null>;
}

/** One field, one button, and what went wrong. */
function Ask({ label, secret, action, onSubmit }: AskProps) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const value = String(new FormData(event.currentTarget).get("value"));
    setBusy(true);
    setProblem(await onSubmit(value));
    setBusy(false);
  };
  return (
    <form className="flex flex-col gap-4" onSubmit={submit}>
      <Field label={label}>
        {(wiring) => (
          <Input
            {...wiring}
            name="value"
            required
            type={secret ? "password" : "text"}
            autoComplete={secret ? "current-password" : "one-time-code"}
          />
        )}
      </Field>
      {problem && <Notice tone="bad" problem={problem} />}
      <div className="flex justify-end">
        <Button type="submit" look="solid" busy={busy}>
          {action}
        </Button>
      </div>
    </form>
  );
}

function GiveUp({ onDone }: { onDone: () => void }) {
  const submit = async (password: string) => {
    const problem = await endSecondFactor(password);
    if (problem === null) onDone();
    return problem;
  };
  return <Ask label="Your password" secret action="Give it up" onSubmit={submit} />;
}

function SetUp({ onDone }: { onDone: () => void }) {
  const [factor, setFactor] = useState<Factor | null>(null);
  if (factor === null) {
    const begin = async (password: string) => {
      const begun = await beginSecondFactor(password);
      setFactor(begun.factor);
      return begun.problem;
    };
    return <Ask key="password" label="Your password" secret action="Next" onSubmit={begin} />;
  }
  const verify = async (code: string) => {
    const problem = await verifyCode(code);
    if (problem === null) onDone();
    return problem;
  };
  return (
    <div className="flex flex-col gap-4">
      <p className="text-base text-ink-2">
        Enter this secret in the authenticator, or open the address on the device that has it.
      </p>
      <CopyLine text={factor.secret} label="the secret" />
      <CopyLine text={factor.uri} label="the address" />
      <p className="text-base text-ink-2">
        Keep these backup codes. Each works once, should the authenticator be lost.
      </p>
      <CopyLine text={factor.backupCodes.join("\n")} label="the backup codes" />
      <Ask
        key="code"
        label="A code from the authenticator"
        secret={false}
        action="Switch it on"
        onSubmit={verify}
      />
    </div>
  );
}
