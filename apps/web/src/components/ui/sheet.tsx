/** A part of a page: a heading on a rule, and what belongs to it. Also the list of names and values used all over. */
import { clsx } from "clsx";
import { type ReactNode, useId } from "react";

interface SheetProps {
  title: string;
  /** Beside the title, small. */
  note?: ReactNode;
  /** At the right of the title: buttons, a choice. */
  tools?: ReactNode;
  children: ReactNode;
  className?: string;
}

export function Sheet({ title, note, tools, children, className }: SheetProps) {
  const id = useId();
  return (
    <section aria-labelledby={id} className={clsx("min-w-0", className)}>
      <div className="mb-3 flex min-h-8 flex-wrap items-center gap-x-3 gap-y-1 border-b border-ink pb-1.5">
        <h2 id={id} className="text-md font-semibold">
          {title}
        </h2>
        {note && <div className="text-sm text-ink-3">{note}</div>}
        {tools && <div className="ml-auto flex flex-wrap items-center gap-2">{tools}</div>}
      </div>
      {children}
    </section>
  );
}

export function Facts({ children, className }: { children: ReactNode; className?: string }) {
  return <dl className={clsx("grid grid-cols-[auto_1fr] gap-x-4", className)}>{children}</dl>;
}

export function Fact({ name, children }: { name: ReactNode; children: ReactNode }) {
  return (
    <div className="col-span-2 grid min-h-8 grid-cols-subgrid items-center border-b border-rule py-1 last:border-b-0">
      <dt className="text-sm text-ink-3">{name}</dt>
      <dd className="min-w-0 text-right text-base break-words">{children}</dd>
    </div>
  );
}
