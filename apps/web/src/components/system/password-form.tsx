"use client";
/** Change one's own password; other sessions of the same user end with it. */
import { type FormEvent, useState } from "react";
import type { Problem } from "../../lib/problem.ts";
import { changePassword } from "../../lib/session.ts";
import { Button } from "../ui/button.tsx";
import { Field, Input } from "../ui/input.tsx";
import { Notice } from "../ui/notice.tsx";
import { useToast } from "../ui/toast.tsx";

export const MIN_PASSWORD_LENGTH = 10;

export function PasswordForm() {
  const toast = useToast();
  const [present, setPresent] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const short = next !== "" && next.length < MIN_PASSWORD_LENGTH;
  const differs = again !== "" && again !== next;
  const ready = present !== "" && next.length >= MIN_PASSWORD_LENGTH && again === next;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready || busy) return;
    setBusy(true);
    const failed = await changePassword(present, next);
    setBusy(false);
    setProblem(failed);
    if (failed !== null) return;
    setPresent("");
    setNext("");
    setAgain("");
    toast.tell({ title: "Your password is changed.", tone: "ok" });
  };
  return (
    <form className="flex max-w-sm flex-col gap-3" onSubmit={submit}>
      <Secret
        label="Present password"
        complete="current-password"
        value={present}
        set={setPresent}
      />
      <Secret
        label="New password"
        complete="new-password"
        value={next}
        set={setNext}
        error={short ? `At least ${MIN_PASSWORD_LENGTH} characters` : null}
      />
      <Secret
        label="New password again"
        complete="new-password"
        value={again}
        set={setAgain}
        error={differs ? "It differs from the one above" : null}
      />
      {problem && <Notice tone="bad" problem={problem} />}
      <div>
        <Button
          type="submit"
          busy={busy}
          blocked={ready ? null : "Fill in all three fields first."}
        >
          Change the password
        </Button>
      </div>
    </form>
  );
}

interface SecretProps {
  label: string;
  complete: "current-password" | "new-password";
  value: string;
  set: (value: string) => void;
  error?: string | null;
}

function Secret({ label, complete, value, set, error }: SecretProps) {
  return (
    <Field label={label} error={error}>
      {(wiring) => (
        <Input
          {...wiring}
          type="password"
          autoComplete={complete}
          value={value}
          onChange={(event) => set(event.target.value)}
        />
      )}
    </Field>
  );
}
