"use client";
/** An on-off switch that says why it cannot be used, where it cannot. On and off differ in the knob's mark too. */
import { clsx } from "clsx";
import { Switch as Base } from "radix-ui";
import { useToast } from "./toast.tsx";
import { Tip } from "./tooltip.tsx";

interface SwitchProps {
  label: string;
  on: boolean;
  onChange: (on: boolean) => void;
  blocked?: string | null;
  busy?: boolean;
  testId?: string;
  id?: string;
}

export function Switch({
  label,
  on,
  onChange,
  blocked = null,
  busy = false,
  testId,
  id,
}: SwitchProps) {
  const toast = useToast();
  const off = blocked !== null || busy;
  const change = (next: boolean) => {
    if (!off) return onChange(next);
    if (blocked !== null) toast.tell({ title: blocked, tone: "calm" });
  };
  const base = (
    <Base.Root
      id={id}
      aria-label={label}
      aria-disabled={off || undefined}
      data-testid={testId}
      checked={on}
      onCheckedChange={change}
      className={clsx(
        "relative inline-flex h-5 w-9 shrink-0 items-center rounded-full border transition-colors",
        on ? "border-ink bg-ink" : "border-ink-3 bg-well",
        off && "cursor-not-allowed opacity-45",
        busy && "breathe",
      )}
    >
      <Base.Thumb
        className={clsx(
          "flex size-3.5 items-center justify-center rounded-full transition-transform",
          on ? "translate-x-[1.15rem] bg-sheet" : "translate-x-[0.15rem] bg-ink-3",
        )}
      >
        {on && <span aria-hidden className="h-1.5 w-px bg-ink" />}
      </Base.Thumb>
    </Base.Root>
  );
  return blocked === null ? base : <Tip text={blocked}>{base}</Tip>;
}
