"use client";
/** What this server is made of: its processes, what its doctor finds, who may use it, and one's own account. */
import { mayAnything } from "../../lib/allowed.ts";
import { dayAndClock } from "../../lib/format.ts";
import { useSituation, useStatus } from "../shell/live-provider.tsx";
import { useMe } from "../shell/me.tsx";
import { ThemeToggle } from "../shell/theme-toggle.tsx";
import { Button } from "../ui/button.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { Fact, Facts, Sheet } from "../ui/sheet.tsx";
import { Doctor } from "./doctor.tsx";
import { PasswordForm } from "./password-form.tsx";
import { Processes } from "./processes.tsx";
import { SecondFactor } from "./second-factor.tsx";
import { Tokens } from "./tokens.tsx";
import { Users } from "./users.tsx";

export function SystemPage() {
  const { server } = useStatus();
  const { me } = useMe();
  const situation = useSituation();
  return (
    <>
      <PageHead
        title="System"
        note={
          <span className="font-mono">
            {server.name}, version {server.version}
          </span>
        }
      />
      <div className="grid gap-x-12 gap-y-10 lg:grid-cols-2">
        <Sheet
          title="Processes"
          note={`running since ${dayAndClock(Date.parse(server.startedAt))}`}
        >
          <Processes />
        </Sheet>
        <Sheet title="Doctor">
          <Doctor />
        </Sheet>
        {me.role === "admin" && (
          <Sheet title="Users" className="lg:col-span-2">
            <Users />
          </Sheet>
        )}
        <Sheet
          title="API tokens"
          note="for the command line and scripts; never with more rights than their user"
          className="lg:col-span-2"
        >
          <Tokens may={mayAnything({ ...situation, role: "admin" })} />
        </Sheet>
        <Sheet title="Your account">
          <Account />
        </Sheet>
        <Sheet title="Your password">
          <PasswordForm />
        </Sheet>
      </div>
    </>
  );
}

function Account() {
  const { me, leave } = useMe();
  return (
    <>
      <Facts>
        <Fact name="Signed in as">
          <span className="font-mono font-medium">{me.name}</span>
        </Fact>
        <Fact name="Role">
          {me.role === "admin" ? "Administrator, may change everything" : "Viewer, may look only"}
        </Fact>
        <Fact name="Second factor">
          <SecondFactor />
        </Fact>
        <Fact name="Theme">
          <div className="ml-auto w-36">
            <ThemeToggle />
          </div>
        </Fact>
      </Facts>
      <Button size="sm" className="mt-3" onClick={() => void leave()}>
        Sign out
      </Button>
    </>
  );
}
