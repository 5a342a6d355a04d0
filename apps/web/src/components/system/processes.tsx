"use client";
/** The processes of one server, what each is for, and whether it is there. */
import type { Status } from "@lockstep/model";
import { useStatus } from "../shell/live-provider.tsx";
import { Badge } from "../ui/badge.tsx";
import { Cell, Head, Table } from "../ui/table.tsx";

const duties = {
  datapath: { label: "Data path", duty: "serves hosts and the mirror; outlives all others" },
  supervisor: { label: "Supervisor", duty: "starts data path and backend anew when they die" },
  backend: { label: "Backend", duty: "this console, the API, accounts" },
  database: { label: "Database", duty: "configuration and history; never on a write’s way" },
} as const satisfies Record<keyof Status["processes"], { label: string; duty: string }>;

const order = ["datapath", "supervisor", "backend", "database"] as const;

const running = { label: "Running", tone: "ok", sign: "check" } as const;
const absent = { label: "Not there", tone: "bad", sign: "error" } as const;
const away = { label: "Away", tone: "wait", sign: "broken" } as const;
const external = { label: "Connected", tone: "ok", sign: "check" } as const;

export function Processes() {
  const { processes, database } = useStatus();
  const words = (name: (typeof order)[number]) => {
    if (name === "database" && database === "away") return away;
    if (name === "database" && database === "connected" && processes.database === null) {
      return external;
    }
    return processes[name] === null ? absent : running;
  };
  return (
    <Table label="Processes">
      <thead>
        <tr>
          <Head>Process</Head>
          <Head end>Process id</Head>
          <Head end>State</Head>
        </tr>
      </thead>
      <tbody>
        {order.map((name) => (
          <tr key={name}>
            <Cell>
              <span className="font-medium">{duties[name].label}</span>
              <span className="block text-sm text-ink-3">{duties[name].duty}</span>
            </Cell>
            <Cell end className="font-mono">
              {processes[name] ?? (words(name) === external ? "elsewhere" : "none")}
            </Cell>
            <Cell end>
              <Badge words={words(name)} />
            </Cell>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
