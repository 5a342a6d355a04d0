"use client";
/** Round-trip time and jitter of the heartbeats over the last ten minutes that this page has watched. */
import { duration } from "../../lib/format.ts";
import { curve, KEPT_MS } from "../../lib/samples.ts";
import { useLiveStore, useNow } from "../shell/live-provider.tsx";
import { Chart } from "../ui/chart.tsx";

export function RoundTripChart() {
  const { samples } = useLiveStore();
  useNow(1000);
  const { times, values } = curve(samples, KEPT_MS, [
    (all, index) => all[index]?.rttMs ?? null,
    (all, index) => all[index]?.jitterMs ?? null,
  ]);
  return (
    <Chart
      label="Round-trip time and jitter of the heartbeats"
      times={times}
      format={duration}
      series={[
        { label: "round trip", colour: "ink", values: values[0] ?? [] },
        { label: "jitter", colour: "ink-3", dashed: true, values: values[1] ?? [] },
      ]}
    />
  );
}
