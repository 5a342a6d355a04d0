"use client";
/** A choice among a few, all seen at once: one radio group, drawn as one bar. */
import { clsx } from "clsx";
import { RadioGroup } from "radix-ui";
import { useToast } from "./toast.tsx";
import { Tip } from "./tooltip.tsx";

interface SegmentedProps<Value extends string> {
  label: string;
  value: Value | null;
  options: readonly { value: Value; label: string }[];
  onChange: (value: Value) => void;
  blocked?: string | null;
  busy?: boolean;
  testId?: string;
}

export function Segmented<Value extends string>(props: SegmentedProps<Value>) {
  const { label, value, options, onChange, blocked = null, busy = false, testId } = props;
  const toast = useToast();
  const off = blocked !== null || busy;
  const change = (next: string) => {
    const chosen = options.find((option) => option.value === next);
    if (chosen && !off) onChange(chosen.value);
    else if (blocked !== null) toast.tell({ title: blocked, tone: "calm" });
  };
  const group = (
    <RadioGroup.Root
      aria-label={label}
      aria-disabled={off || undefined}
      data-testid={testId}
      data-value={value ?? ""}
      orientation="horizontal"
      value={value ?? ""}
      onValueChange={change}
      className={clsx(
        "inline-flex h-7 overflow-hidden rounded-md border border-edge bg-sheet text-sm",
        off && "opacity-45",
        busy && "breathe",
      )}
    >
      {options.map((option) => (
        <RadioGroup.Item
          key={option.value}
          value={option.value}
          className={clsx(
            "px-2.5 font-medium -outline-offset-2 not-first:border-l not-first:border-edge",
            option.value === value ? "bg-ink text-sheet" : "text-ink-2 hover:bg-well",
            off && "cursor-not-allowed",
          )}
        >
          {option.label}
        </RadioGroup.Item>
      ))}
    </RadioGroup.Root>
  );
  return blocked === null ? group : <Tip text={blocked}>{group}</Tip>;
}
