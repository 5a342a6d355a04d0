/** A sentence that must be seen where it stands: an error with what to do, a warning, a remark. */
import { clsx } from "clsx";
import type { ReactNode } from "react";
import type { Problem } from "../../lib/problem.ts";
import type { SignName, Tone } from "../../lib/words.ts";
import { Sign } from "./sign.tsx";

const signs: Record<Tone, SignName> = {
  ok: "check",
  work: "refresh",
  wait: "warning",
  bad: "error",
  calm: "info",
};

interface NoticeProps {
  tone: Tone;
  problem?: Problem;
  children?: ReactNode;
  className?: string;
}

export function Notice({ tone, problem, children, className }: NoticeProps) {
  return (
    <div
      role={tone === "bad" ? "alert" : "note"}
      data-tone={tone}
      className={clsx(
        "flex items-start gap-2 rounded-md bg-tone-wash px-3 py-2 text-base text-tone",
        className,
      )}
    >
      <span className="mt-[3px]">
        <Sign name={signs[tone]} />
      </span>
      <div className="min-w-0 flex-1">
        {problem && (
          <>
            <span className="font-medium">{problem.message}</span>
            {problem.hint && <span className="block text-ink-2">{problem.hint}</span>}
          </>
        )}
        {children}
      </div>
    </div>
  );
}
