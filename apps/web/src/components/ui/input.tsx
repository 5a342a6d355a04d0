"use client";
/** Text and number inputs, native selects, and the field that gives each a label, a hint and its error. */
import { clsx } from "clsx";
import { type ComponentProps, type ReactNode, useId } from "react";

const box =
  "h-8 w-full min-w-0 rounded-md border bg-sheet px-2.5 text-base text-ink placeholder:text-ink-3 aria-invalid:border-tone";

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input {...rest} data-tone="bad" className={clsx(box, "border-edge", className)} />;
}

export function Select({ className, ...rest }: ComponentProps<"select">) {
  return <select {...rest} data-tone="bad" className={clsx(box, "border-edge pr-1", className)} />;
}

interface FieldProps {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | null | undefined;
  children: (wiring: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": boolean | undefined;
  }) => ReactNode;
}

export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const noteId = `${id}-note`;
  const note = error ?? hint;
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="text-sm font-medium text-ink">
        {label}
      </label>
      {children({
        id,
        "aria-describedby": note ? noteId : undefined,
        "aria-invalid": error ? true : undefined,
      })}
      {note && (
        <p
          id={noteId}
          data-tone={error ? "bad" : undefined}
          className={clsx("text-sm", error ? "text-tone" : "text-ink-3")}
        >
          {note}
        </p>
      )}
    </div>
  );
}
