/** A bar for a share of a whole, with marks on it where thresholds lie. */
import { clsx } from "clsx";
import type { Tone } from "../../lib/words.ts";

interface MeterProps {
  label: string;
  /** 0 to 1; null is unknown, and drawn as hatching, not as empty. */
  share: number | null;
  tone: Tone;
  marks?: readonly number[];
  valueText: string;
  className?: string;
}

export function Meter({ label, share, tone, marks = [], valueText, className }: MeterProps) {
  return (
    <div
      role="img"
      aria-label={`${label}: ${valueText}`}
      data-tone={tone}
      className={clsx("relative h-1.5 min-w-10 bg-rule", share === null && "hatch", className)}
    >
      {share !== null && (
        <div
          className="h-full bg-tone-fill"
          style={{ width: `${Math.min(100, Math.max(0, share * 100))}%` }}
        />
      )}
      {marks.map((mark) => (
        <span
          key={mark}
          aria-hidden
          className="absolute -top-[3px] -bottom-[3px] w-px bg-ink-3"
          style={{ left: `${mark * 100}%` }}
        />
      ))}
    </div>
  );
}
