"use client";
/** The sign-in page. After it, one is back where one wanted to go; only paths of this console are followed. */
import { type FormEvent, useState } from "react";
import type { Problem } from "../../lib/problem.ts";
import { signIn, verifyCode } from "../../lib/session.ts";
import { Button } from "../ui/button.tsx";
import { Field, Input } from "../ui/input.tsx";
import { Notice } from "../ui/notice.tsx";
import { Logo } from "./logo.tsx";

/** Where to go after the sign-in: a path on this server, whatever the address says. */
export function destination(search: string, origin: string): string {
  const wanted = new URL(new URLSearchParams(search).get("to") ?? "/", origin);
  return wanted.origin === origin ? `${wanted.pathname}${wanted.search}` : "/";
}

export function SignIn() {
  const [step, setStep] = useState<"password" | "code">("password");
  const enter = () => {
    const { search, origin } = globalThis.location;
    globalThis.location.assign(destination(search, origin));
  };
  return (
    <main className="grid min-h-dvh lg:grid-cols-[minmax(0,1fr)_30rem]">
      <Drawing />
      <div className="flex flex-col justify-center border-rule bg-sheet px-6 py-12 sm:px-14 lg:border-l">
        <div className="mx-auto flex w-full max-w-sm flex-col gap-6">
          <div className="flex items-center gap-3">
            <Logo size={30} />
            <span className="text-lg font-semibold tracking-[-0.02em]">Lockstep</span>
          </div>
          <h1 className="text-xl font-semibold">
            {step === "password" ? "Sign in" : "Second factor"}
          </h1>
          {step === "password" ? (
            <PasswordStep onDone={enter} onCode={() => setStep("code")} />
          ) : (
            <CodeStep onDone={enter} />
          )}
        </div>
      </div>
    </main>
  );
}

function PasswordStep({ onDone, onCode }: { onDone: () => void; onCode: () => void }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    const answer = await signIn(String(form.get("username")).trim(), String(form.get("password")));
    if (answer.kind === "done") return onDone();
    if (answer.kind === "code") return onCode();
    setProblem(answer.problem);
    setBusy(false);
  };
  return (
    <>
      <form className="flex flex-col gap-4" onSubmit={submit}>
        <Field label="User name">
          {(wiring) => (
            <Input
              {...wiring}
              name="username"
              required
              autoFocus
              autoComplete="username"
              autoCapitalize="off"
              spellCheck={false}
              className="h-10"
            />
          )}
        </Field>
        <Field label="Password">
          {(wiring) => (
            <Input
              {...wiring}
              name="password"
              type="password"
              required
              autoComplete="current-password"
              className="h-10"
            />
          )}
        </Field>
        {problem && <Notice tone="bad" problem={problem} />}
        <Button type="submit" look="solid" busy={busy} className="h-10 justify-center text-md">
          {busy ? "Signing in …" : "Sign in"}
        </Button>
      </form>
      <p className="text-sm text-ink-3">
        The first administrator is <code className="font-mono">admin</code>. The password was
        printed when the server first started, and is kept in{" "}
        <code className="font-mono">admin-password</code> in its data folder.
      </p>
    </>
  );
}

function CodeStep({ onDone }: { onDone: () => void }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setBusy(true);
    const failed = await verifyCode(String(new FormData(event.currentTarget).get("code")));
    if (failed === null) return onDone();
    setProblem(failed);
    setBusy(false);
  };
  return (
    <form className="flex flex-col gap-4" onSubmit={submit}>
      <Field label="Code" hint="Six digits from your authenticator, or one of your backup codes.">
        {(wiring) => (
          <Input
            {...wiring}
            name="code"
            required
            autoFocus
            autoComplete="one-time-code"
            className="h-10 font-mono"
          />
        )}
      </Field>
      {problem && <Notice tone="bad" problem={problem} />}
      <Button type="submit" look="solid" busy={busy} className="h-10 justify-center text-md">
        Continue
      </Button>
    </form>
  );
}

const BEATS = [60, 150, 240, 330, 600, 690, 780];

/** The two signals with a gap in one of them: what the product watches. Drawn, not live; hidden from readers. */
function Drawing() {
  const trace = (y: number, beats: readonly number[]) =>
    `M0 ${y}${beats.map((x) => `H${x - 8}l4 ${-y * 0.05}l5 ${-y * 0.16}l6 ${y * 0.3}l4 ${-y * 0.09}`).join("")}H900`;
  return (
    <div aria-hidden className="recorder relative hidden overflow-hidden lg:block">
      <svg
        aria-hidden
        className="absolute inset-0 size-full text-ink"
        viewBox="0 0 900 700"
        preserveAspectRatio="xMidYMid slice"
        fill="none"
        strokeWidth={1.6}
      >
        <path
          d={trace(300, [...BEATS.slice(0, 4), 420, 510, ...BEATS.slice(4)])}
          stroke="currentColor"
        />
        <path d={trace(420, BEATS)} stroke="var(--ok-fill)" />
        <path d="M352 420H582" stroke="var(--sheet)" strokeWidth={4} />
        <path d="M352 420H582" stroke="var(--bad-fill)" strokeDasharray="2 7" />
      </svg>
      <p className="absolute bottom-12 left-12 max-w-md text-xl leading-snug font-semibold tracking-[-0.02em]">
        Two servers, one disk.
        <span className="block text-ink-3">Every beat between them counts.</span>
      </p>
    </div>
  );
}
