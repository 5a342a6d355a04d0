"use client";
/** Figures over time, drawn by uPlot, which is fetched only where a chart is shown. Gaps in knowledge stay gaps. */
import { useTheme } from "next-themes";
import { useEffect, useRef } from "react";
import type UPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface Series {
  label: string;
  /** The name of a colour variable. */
  colour: string;
  dashed?: boolean;
  values: readonly (number | null)[];
}

interface ChartProps {
  label: string;
  /** Seconds since the epoch, ascending. */
  times: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
  height?: number;
  /** Bytes: ticks at powers of two. */
  binary?: boolean;
}

const BINARY_STEPS = Array.from({ length: 44 }, (_, exponent) => 2 ** exponent);

type UPlotClass = typeof UPlot;

function optionsOf(element: HTMLElement, props: ChartProps): UPlot.Options {
  const styles = getComputedStyle(element);
  const colour = (name: string) => styles.getPropertyValue(`--${name}`).trim();
  const font = "11px 'JetBrains Mono Variable', monospace";
  const axis = {
    stroke: colour("ink-3"),
    font,
    grid: { stroke: colour("grid"), width: 1 },
    ticks: { stroke: colour("rule"), width: 1, size: 4 },
  };
  return {
    width: element.clientWidth,
    height: props.height ?? 180,
    cursor: { y: false, points: { size: 6 } },
    legend: { show: false },
    scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      {
        ...axis,
        space: 70,
        values: [[1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1]],
      },
      {
        ...axis,
        size: 84,
        ...(props.binary ? { incrs: BINARY_STEPS } : {}),
        values: (_, splits) => splits.map((value) => props.format(value)),
      },
    ],
    series: [
      {},
      ...props.series.map(({ label, colour: name, dashed = false }) => ({
        label,
        stroke: colour(name),
        width: 1.6,
        points: { show: false },
        ...(dashed ? { dash: [5, 4] } : {}),
      })),
    ],
  };
}

const dataOf = ({ times, series }: ChartProps): UPlot.AlignedData => [
  [...times],
  ...series.map(({ values }) => [...values]),
];

export function Chart(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const latest = useRef(props);
  const { resolvedTheme } = useTheme();
  useEffect(() => {
    latest.current = props;
    plot.current?.setData(dataOf(props));
  }, [props]);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let over = false;
    let resize: ResizeObserver | null = null;
    const make = (Plot: UPlotClass) => {
      if (over) return;
      plot.current = new Plot(optionsOf(element, latest.current), dataOf(latest.current), element);
      resize = new ResizeObserver(() => {
        plot.current?.setSize({
          width: element.clientWidth,
          height: latest.current.height ?? 180,
        });
      });
      resize.observe(element);
    };
    // Drawn anew for each theme: uPlot takes its colours once.
    element.dataset.drawnFor = resolvedTheme ?? "";
    void import("uplot").then((module) => make(module.default));
    return () => {
      over = true;
      resize?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [resolvedTheme]);
  return (
    <figure>
      <figcaption className="mb-1 flex flex-wrap gap-x-5 text-sm text-ink-2">
        {props.series.map((series) => (
          <Legend key={series.label} series={series} format={props.format} />
        ))}
      </figcaption>
      <div
        ref={box}
        role="img"
        aria-label={props.label}
        className="w-full overflow-hidden"
        style={{ minHeight: props.height ?? 180 }}
      />
    </figure>
  );
}

function Legend({ series, format }: { series: Series; format: (value: number) => string }) {
  const last = series.values.at(-1) ?? null;
  return (
    <span className="inline-flex items-center gap-2">
      <svg width={18} height={4} aria-hidden>
        <path
          d="M0 2H18"
          stroke={`var(--${series.colour})`}
          strokeWidth={2.5}
          strokeDasharray={series.dashed ? "5 3" : undefined}
        />
      </svg>
      {series.label}
      <span className="font-mono">{last === null ? "unknown" : format(last)}</span>
    </span>
  );
}
