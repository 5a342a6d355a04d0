"use client";
/** Who is logged in, and the lines with which others log in. */
import type { Lun } from "@lockstep/model";
import { Tabs } from "radix-ui";
import { hostLines } from "../../lib/host-lines.ts";
import { useStatus } from "../shell/live-provider.tsx";
import { CopyLine } from "../ui/copy.tsx";
import { Cell, Head, Table } from "../ui/table.tsx";

export function HostAccess({ lun }: { lun: Lun }) {
  const { link } = useStatus();
  if (lun.role === "mirror") {
    return (
      <p className="text-base text-ink-2">
        Hosts do not see this copy. They reach the LUN on {link.peer?.name ?? "the peer"}.
      </p>
    );
  }
  return (
    <div className="grid gap-x-12 gap-y-6 lg:grid-cols-[2fr_3fr]">
      <div>
        <h3 className="mb-2 text-sm font-medium text-ink-3">Logged in at present</h3>
        <Sessions lun={lun} />
      </div>
      <div className="min-w-0">
        <h3 className="mb-2 text-sm font-medium text-ink-3">Log in from a host</h3>
        <Lines lun={lun} />
      </div>
    </div>
  );
}

function Sessions({ lun: { sessions } }: { lun: Lun }) {
  if (sessions === null) return <p>Unknown</p>;
  if (sessions.length === 0) return <p className="text-ink-2">No host is logged in.</p>;
  return (
    <Table label="Host sessions">
      <thead>
        <tr>
          <Head>Initiator</Head>
          <Head end>Address</Head>
        </tr>
      </thead>
      <tbody>
        {sessions.map(({ initiator, address }) => (
          <tr key={`${initiator} ${address}`} className="font-mono text-sm">
            <Cell className="break-all">{initiator}</Cell>
            <Cell end className="whitespace-nowrap">
              {address}
            </Cell>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function Lines({ lun }: { lun: Lun }) {
  const lines = hostLines(lun);
  const first = lines[0];
  if (!first) return <p className="text-ink-2">This server offers no portal to hosts.</p>;
  return (
    <Tabs.Root defaultValue={first.initiator}>
      <Tabs.List aria-label="Initiator" className="mb-2 flex gap-4 border-b border-rule">
        {lines.map(({ initiator }) => (
          <Tabs.Trigger
            key={initiator}
            value={initiator}
            className="-mb-px border-b-2 border-transparent pb-1.5 text-base font-medium text-ink-3 hover:text-ink data-[state=active]:border-ink data-[state=active]:text-ink"
          >
            {initiator}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      {lines.map(({ initiator, note, text }) => (
        <Tabs.Content key={initiator} value={initiator} className="flex flex-col gap-2">
          <p className="text-sm text-ink-3">{note}</p>
          <CopyLine text={text} label={`lines for ${initiator}`} />
        </Tabs.Content>
      ))}
    </Tabs.Root>
  );
}
