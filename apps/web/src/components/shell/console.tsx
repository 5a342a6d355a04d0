"use client";
/** The shell: navigation, the strip that always tells the link's state, the banner, and the page within. */
import { clsx } from "clsx";
import type { ReactNode } from "react";
import { AwayBanner } from "./banner.tsx";
import { LiveProvider, useLive } from "./live-provider.tsx";
import { Logo } from "./logo.tsx";
import { MeProvider } from "./me.tsx";
import { BottomBar, Rail } from "./navigation.tsx";
import { StateStrip } from "./state-strip.tsx";

export function Console({ children }: { children: ReactNode }) {
  return (
    <MeProvider waiting={(problem) => <Waiting text={problem ?? "Opening the console …"} />}>
      <LiveProvider>
        <Frame>{children}</Frame>
      </LiveProvider>
    </MeProvider>
  );
}

function Frame({ children }: { children: ReactNode }) {
  const { status, trust } = useLive();
  if (status === null) {
    return trust.kind === "waiting" ? (
      <Waiting text="Waiting for the first figures …" />
    ) : (
      <Waiting text="The data path does not answer its backend. Trying again." />
    );
  }
  const live = trust.kind === "live";
  return (
    <div className="min-h-dvh lg:grid lg:grid-cols-[13rem_minmax(0,1fr)]">
      <a
        href="#content"
        className="fixed top-2 left-2 z-50 -translate-y-16 rounded-md bg-ink px-3 py-2 text-sheet focus:translate-y-0"
      >
        To the content
      </a>
      <Rail />
      <div className="flex min-w-0 flex-col pb-20 lg:pb-0">
        <StateStrip />
        <AwayBanner />
        <main
          id="content"
          tabIndex={-1}
          className={clsx(
            "mx-auto w-full max-w-[84rem] flex-1 px-4 py-5 outline-none sm:px-6 lg:px-8 lg:py-7",
            !live && "stale",
          )}
        >
          {children}
        </main>
      </div>
      <BottomBar />
    </div>
  );
}

function Waiting({ text }: { text: string }) {
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-4 p-6 text-center">
      <Logo size={36} />
      <p role="status" className="text-md text-ink-2">
        {text}
      </p>
    </main>
  );
}
