/** A page's title, what it is about in a few words, and what can be done there. */
import type { ReactNode } from "react";

interface PageHeadProps {
  title: ReactNode;
  note?: ReactNode;
  children?: ReactNode;
}

export function PageHead({ title, note, children }: PageHeadProps) {
  return (
    <div className="mb-6 flex flex-wrap items-end gap-x-4 gap-y-3">
      <div className="min-w-0">
        <h1 className="truncate text-2xl font-semibold tracking-[-0.025em]">{title}</h1>
        {note && <div className="mt-0.5 text-base text-ink-3">{note}</div>}
      </div>
      {children && <div className="ml-auto flex flex-wrap items-center gap-2">{children}</div>}
    </div>
  );
}
