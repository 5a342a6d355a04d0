"use client";
/**
 * A button. One that cannot be used now says why: it stays reachable by keyboard, is announced as disabled, shows the
 * reason in a tooltip, and on a press (touch has no hover) in a toast.
 */
import { clsx } from "clsx";
import type { ComponentProps, MouseEvent } from "react";
import { useToast } from "./toast.tsx";
import { Tip } from "./tooltip.tsx";

const looks = {
  solid: "bg-ink text-sheet border-ink hover:bg-ink-2 hover:border-ink-2",
  outline: "bg-sheet text-ink border-edge hover:bg-well hover:border-ink-3",
  quiet: "bg-transparent text-ink-2 border-transparent hover:bg-well hover:text-ink",
  danger: "bg-sheet text-tone border-tone hover:bg-tone-wash",
} as const;

const sizes = {
  md: "h-8 px-3 gap-1.5 text-base",
  sm: "h-7 px-2.5 gap-1.5 text-sm",
  icon: "size-8 justify-center",
} as const;

export interface ButtonProps extends ComponentProps<"button"> {
  look?: keyof typeof looks;
  size?: keyof typeof sizes;
  /** Why it cannot be used at present; null when it can. */
  blocked?: string | null;
  busy?: boolean;
}

export function Button(props: ButtonProps) {
  const { look = "outline", size = "md", blocked = null, busy = false, ...rest } = props;
  const { className, onClick, type = "button", ...others } = rest;
  const toast = useToast();
  const off = blocked !== null || busy;
  const press = (event: MouseEvent<HTMLButtonElement>) => {
    if (!off) return onClick?.(event);
    event.preventDefault();
    if (blocked !== null) toast.tell({ title: blocked, tone: "calm" });
  };
  const button = (
    <button
      {...others}
      type={type}
      aria-disabled={off || undefined}
      aria-busy={busy || undefined}
      data-tone={look === "danger" ? "bad" : undefined}
      onClick={press}
      className={clsx(
        "inline-flex shrink-0 select-none items-center whitespace-nowrap rounded-md border font-medium transition-colors",
        looks[look],
        sizes[size],
        off && "cursor-not-allowed opacity-45",
        className,
      )}
    />
  );
  return blocked === null ? button : <Tip text={blocked}>{button}</Tip>;
}
