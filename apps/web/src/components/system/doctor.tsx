"use client";
/** What the doctor finds wrong with this machine or the pair, worst first, and what to do. */
import type { Finding } from "@lockstep/model";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "../../lib/api.ts";
import { clock } from "../../lib/format.ts";
import { problemOf, sentence } from "../../lib/problem.ts";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { Notice } from "../ui/notice.tsx";

const words = {
  error: { label: "Error", tone: "bad", sign: "error" },
  warning: { label: "Warning", tone: "wait", sign: "warning" },
  ok: { label: "In order", tone: "ok", sign: "check" },
} as const;

const order: Record<Finding["severity"], number> = { error: 0, warning: 1, ok: 2 };

export function Doctor() {
  const trpc = useTRPC();
  const { data, error, isFetching, refetch, dataUpdatedAt } = useQuery(trpc.doctor.queryOptions());
  const findings = data?.toSorted((a, b) => order[a.severity] - order[b.severity]) ?? [];
  return (
    <div className="flex flex-col gap-3">
      {error && <Notice tone="bad" problem={problemOf(error)} />}
      <ul>
        {findings.map((finding) => (
          <li
            key={`${finding.subject} ${finding.message}`}
            className="grid grid-cols-[6.5rem_minmax(0,1fr)] gap-x-3 border-b border-rule py-2 last:border-b-0"
          >
            <span>
              <Badge words={words[finding.severity]} />
            </span>
            <div>
              <span className="font-medium">{sentence(finding.subject).replace(/\.$/, "")}:</span>{" "}
              {finding.message}
              {finding.remedy && <p className="text-ink-2">{sentence(finding.remedy)}</p>}
            </div>
          </li>
        ))}
      </ul>
      {data?.length === 0 && <p className="text-ink-2">The doctor found nothing wrong.</p>}
      <div className="flex items-center gap-3">
        <Button size="sm" busy={isFetching} onClick={() => void refetch()}>
          Look again
        </Button>
        {data && (
          <span className="text-sm text-ink-3">
            looked at <span className="font-mono">{clock(dataUpdatedAt)}</span>
          </span>
        )}
      </div>
    </div>
  );
}
