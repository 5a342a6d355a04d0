/** Plain tables: hairlines, figures to the right, a header that can sort. Wide ones scroll within themselves. */
import { clsx } from "clsx";
import type { ComponentProps, ReactNode } from "react";

export function Table({ className, label, ...rest }: ComponentProps<"table"> & { label: string }) {
  return (
    <section className="relative overflow-x-auto" aria-label={label}>
      <table {...rest} className={clsx("w-full border-collapse text-left text-base", className)} />
    </section>
  );
}

interface HeadProps {
  children?: ReactNode;
  end?: boolean;
  sort?: "ascending" | "descending" | "none" | undefined;
  onSort?: (() => void) | undefined;
  className?: string;
}

export function Head({ children, end = false, sort, onSort, className }: HeadProps) {
  const mark = sort === "ascending" ? "↑" : sort === "descending" ? "↓" : "";
  return (
    <th
      scope="col"
      aria-sort={sort}
      className={clsx(
        "border-b border-rule-2 px-2.5 py-1.5 text-sm font-medium whitespace-nowrap text-ink-3 first:pl-0 last:pr-0",
        end && "text-right",
        className,
      )}
    >
      {onSort ? (
        <button type="button" className="font-medium hover:text-ink" onClick={onSort}>
          {children} <span aria-hidden>{mark}</span>
        </button>
      ) : (
        children
      )}
    </th>
  );
}

export function Cell({
  end = false,
  className,
  ...rest
}: ComponentProps<"td"> & { end?: boolean }) {
  return (
    <td
      {...rest}
      className={clsx(
        "border-b border-rule px-2.5 py-2 align-middle first:pl-0 last:pr-0",
        end && "text-right",
        className,
      )}
    />
  );
}
