"use client";
/** Who is signed in. Asked before anything else; without a session the sign-in page comes up, and leads back here. */
import type { User } from "@lockstep/api";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from "react";
import { signOut } from "../../lib/session.ts";

interface Me {
  me: User;
  leave: () => Promise<void>;
}

const Context = createContext<Me | null>(null);
const RETRY_MS = 2000;
const RENEW_MS = 60_000;

type Answer = { kind: "user"; user: User } | { kind: "nobody" } | { kind: "unreachable" };

async function ask(): Promise<Answer> {
  try {
    const response = await fetch("/trpc/me");
    if (response.status === 401) return { kind: "nobody" };
    if (!response.ok) return { kind: "unreachable" };
    const body: { result: { data: User } } = await response.json();
    return { kind: "user", user: body.result.data };
  } catch {
    return { kind: "unreachable" };
  }
}

function toSignIn(): void {
  const { pathname, search } = globalThis.location;
  const here = `${pathname}${search}`;
  globalThis.location.assign(here === "/" ? "/sign-in" : `/sign-in?to=${encodeURIComponent(here)}`);
}

export function MeProvider({
  waiting,
  children,
}: {
  waiting: (problem: string | null) => ReactNode;
  children: ReactNode;
}) {
  const [me, setMe] = useState<User | null>(null);
  const [unreachable, setUnreachable] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let over = false;
    const look = async () => {
      const answer = await ask();
      if (over) return;
      if (answer.kind === "nobody") return toSignIn();
      setUnreachable(answer.kind === "unreachable");
      if (answer.kind === "user") setMe(answer.user);
      timer = setTimeout(look, answer.kind === "user" ? RENEW_MS : RETRY_MS);
    };
    void look();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, []);
  const leave = useCallback(async () => {
    await signOut();
    globalThis.location.assign("/sign-in");
  }, []);
  if (me === null) {
    return waiting(
      unreachable ? "The server does not answer. Trying again every two seconds." : null,
    );
  }
  return <Context value={{ me, leave }}>{children}</Context>;
}

export function useMe(): Me {
  const me = useContext(Context);
  if (me === null) throw new Error("MeProvider is missing");
  return me;
}
