"use client";
/** What hosts read and write on one LUN, over the last five minutes that this page has watched. */
import { rate } from "../../lib/format.ts";
import { curve, rateAt, readBytesOf, writeBytesOf } from "../../lib/samples.ts";
import { useLiveStore, useNow } from "../shell/live-provider.tsx";
import { Chart } from "../ui/chart.tsx";

const SPAN_MS = 300_000;
const WINDOW_MS = 1500;

export function ThroughputChart({ name }: { name: string }) {
  const { samples } = useLiveStore();
  useNow(1000);
  const { times, values } = curve(samples, SPAN_MS, [
    (all, index) => rateAt(all, index, readBytesOf(name), WINDOW_MS),
    (all, index) => rateAt(all, index, writeBytesOf(name), WINDOW_MS),
  ]);
  return (
    <Chart
      label={`Throughput of ${name} over the last five minutes`}
      times={times}
      format={rate}
      binary
      series={[
        { label: "hosts read", colour: "ink-3", dashed: true, values: values[0] ?? [] },
        { label: "hosts write", colour: "ink", values: values[1] ?? [] },
      ]}
    />
  );
}
