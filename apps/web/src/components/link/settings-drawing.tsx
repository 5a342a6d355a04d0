/** The settings drawn to scale: regular beats, the last one, silence until T1 and the worst detection, T3, and P after. */
import type { LinkSettings } from "@lockstep/model";
import { duration } from "../../lib/format.ts";
import { consequences } from "../../lib/link-rules.ts";

const WIDTH = 720;
const BASE = 58;
const BEATS_BEFORE = 3;
const MOST_BEATS = 60;

interface Mark {
  label: string;
  atMs: number;
  colour: string;
  row: number;
}

export function SettingsDrawing({ settings }: { settings: LinkSettings }) {
  const { t1, t2, t3 } = settings;
  const { detectionMs } = consequences(settings);
  const before = t2 * BEATS_BEFORE;
  const whole = before + Math.max(t3, detectionMs) * 1.08;
  const x = (ms: number) => ((ms + before) / whole) * WIDTH;
  const beats = Array.from({ length: BEATS_BEFORE + 1 }, (_, i) => -i * t2).slice(0, MOST_BEATS);
  const marks: Mark[] = [
    { label: "T1", atMs: t1, colour: "var(--wait)", row: 0 },
    { label: "found at worst", atMs: detectionMs, colour: "var(--bad)", row: 1 },
    { label: "T3", atMs: t3, colour: "var(--ink-3)", row: 2 },
  ];
  return (
    <svg
      viewBox={`0 0 ${WIDTH} 112`}
      className="w-full border border-rule bg-sheet"
      role="img"
      aria-label={`After the last heartbeat: T1 at ${duration(t1)}, found at worst at ${duration(detectionMs)}, T3 at ${duration(t3)}`}
    >
      <rect x={x(0)} y={0} width={x(detectionMs) - x(0)} height={BASE} fill="var(--bad-wash)" />
      <path
        d={`M0 ${BASE}${beats
          .toReversed()
          .map((at) => `H${x(at) - 5}l2 -4l3 -36l4 46l2 -6`)
          .join("")}`}
        fill="none"
        stroke="var(--ink)"
        strokeWidth={1.5}
        strokeLinejoin="round"
      />
      <path
        d={`M${x(0) + 6} ${BASE}H${WIDTH}`}
        stroke="var(--bad)"
        strokeWidth={1.5}
        strokeDasharray="2 5"
      />
      <text x={x(0) + 10} y={16} fontSize={11.5} fill="var(--ink-2)">
        last heartbeat
      </text>
      {marks.map(({ label, atMs, colour, row }) => (
        <g key={label}>
          <path d={`M${x(atMs)} ${BASE - 34}V${72 + row * 14}`} stroke={colour} strokeWidth={1.5} />
          <text
            x={x(atMs) - 6}
            y={75 + row * 14}
            textAnchor="end"
            fontSize={11.5}
            fill="var(--ink-2)"
          >
            {label} {duration(atMs)}
          </text>
        </g>
      ))}
    </svg>
  );
}
