/** A state: sign, word, and its tone behind them. */
import { clsx } from "clsx";
import type { ComponentProps } from "react";
import type { Words } from "../../lib/words.ts";
import { Sign } from "./sign.tsx";

interface BadgeProps extends Omit<ComponentProps<"span">, "children"> {
  words: Pick<Words, "label" | "tone" | "sign">;
  large?: boolean;
}

export function Badge({ words, large = false, className, ...rest }: BadgeProps) {
  return (
    <span
      {...rest}
      data-tone={words.tone}
      className={clsx(
        "inline-flex items-center gap-1.5 whitespace-nowrap rounded-sm bg-tone-wash font-medium text-tone",
        large ? "px-2.5 py-1 text-md" : "px-1.5 py-px text-sm",
        className,
      )}
    >
      <Sign name={words.sign} size={large ? 16 : 13} />
      {words.label}
    </span>
  );
}
