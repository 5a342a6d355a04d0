/** Medians, spreads and ratios of repeated measurements, and the table that shows them. */
export interface Sample {
  workload: string;
  system: string;
  operationsPerSecond: number;
  /** CPU time of all server processes, in microseconds per operation. */
  cpuUsPerOperation: number;
}

export interface Figure {
  median: number;
  least: number;
  most: number;
}

export interface Row {
  workload: string;
  system: string;
  operationsPerSecond: Figure;
  cpuUsPerOperation: Figure;
  /**
   * Medians against the reference system's, in the same run; null for the reference and without
   * one.
   */
  speedRatio: number | null;
  cpuRatio: number | null;
}

export function figureOf(values: readonly number[]): Figure {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  const lower = sorted[sorted.length % 2 === 1 ? middle : middle - 1];
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (upper === undefined || lower === undefined || least === undefined || most === undefined) {
    throw new Error("no measurements");
  }
  return { median: (upper + lower) / 2, least, most };
}

/** One row for each workload and system, in the order of the samples. */
export function rowsOf(samples: readonly Sample[], reference: string): Row[] {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = `${sample.workload}\n${sample.system}`;
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  const rows = [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const operationsPerSecond = figureOf(group.map((each) => each.operationsPerSecond));
    const cpuUsPerOperation = figureOf(group.map((each) => each.cpuUsPerOperation));
    const { workload, system } = first;
    return [{ workload, system, operationsPerSecond, cpuUsPerOperation }];
  });
  return rows.map((row) => {
    const base = rows.find((each) => each.workload === row.workload && each.system === reference);
    if (base === undefined || base === row) return { ...row, speedRatio: null, cpuRatio: null };
    const speedRatio = row.operationsPerSecond.median / base.operationsPerSecond.median;
    const cpuRatio = row.cpuUsPerOperation.median / base.cpuUsPerOperation.median;
    return { ...row, speedRatio, cpuRatio };
  });
}

const whole = (value: number) => String(Math.round(value));
const tenths = (value: number) => value.toFixed(1);
const ratio = (value: number | null) => (value === null ? "" : `${value.toFixed(2)}x`);

function spread({ median, least, most }: Figure, write: (value: number) => string): string {
  return `${write(median)} (${write(least)}-${write(most)})`;
}

/** Plain text, columns aligned. */
export function table(rows: readonly Row[], reference: string): string {
  const head = ["workload", "system", "op/s (spread)", `vs ${reference}`];
  const lines = [[...head, "CPU us/op (spread)", `vs ${reference}`]];
  for (const row of rows) {
    const speed = [spread(row.operationsPerSecond, whole), ratio(row.speedRatio)];
    const cpu = [spread(row.cpuUsPerOperation, tenths), ratio(row.cpuRatio)];
    lines.push([row.workload, row.system, ...speed, ...cpu]);
  }
  const widths = head.concat("", "").map((_, column) => {
    return Math.max(...lines.map((line) => line[column]?.length ?? 0));
  });
  const padded = lines.map((line) => line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  "));
  return padded.map((line) => line.trimEnd()).join("\n");
}
