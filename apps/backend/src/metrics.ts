/**
 * Figures for Prometheus, taken from the newest status when they are asked for. Every state is a series of its own
 * with the value 1 or 0, so that an alert can name it.
 */
import type { StatusView } from "@lockstep/api";
import { LinkState, type Lun, LunState } from "@lockstep/model";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

export interface MetricsOptions {
  view: () => StatusView;
  isDatabaseConnected: () => boolean;
  openSockets: () => number;
}

type LunFigure = (lun: Lun) => number | null;

const LUN_FIGURES: Record<string, [help: string, figure: LunFigure]> = {
  lockstep_lun_size_bytes: ["Size of the LUN.", (lun) => lun.sizeBytes],
  lockstep_lun_designated: ["1 when designated as mirrored.", (lun) => Number(lun.designated)],
  lockstep_lun_lag_bytes: ["How far the mirror is behind.", (lun) => lun.lag.bytes],
  lockstep_lun_lag_seconds: [
    "How far the mirror is behind.",
    (lun) => (lun.lag.ms === null ? null : lun.lag.ms / 1000),
  ],
  lockstep_lun_journal_bytes: ["Queued mirror requests.", (lun) => lun.journal.bytes],
  lockstep_lun_journal_requests: ["Queued mirror requests.", (lun) => lun.journal.requests],
  lockstep_lun_reads: ["Reads by hosts since the data path began.", (lun) => lun.counters.reads],
  lockstep_lun_read_bytes: ["Bytes read by hosts.", (lun) => lun.counters.readBytes],
  lockstep_lun_writes: ["Writes by hosts.", (lun) => lun.counters.writes],
  lockstep_lun_write_bytes: ["Bytes written by hosts.", (lun) => lun.counters.writeBytes],
};

export function createMetrics({
  view,
  isDatabaseConnected,
  openSockets,
}: MetricsOptions): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, value: () => number | null) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value() ?? Number.NaN);
      },
    });
  const link = () => view().status?.link ?? null;
  const heartbeat = () => link()?.heartbeat ?? null;
  gauge("lockstep_data_path_up", "1 while the data path answers.", () =>
    Number(view().dataPath === "connected"),
  );
  gauge("lockstep_database_up", "1 while the database answers.", () =>
    Number(isDatabaseConnected()),
  );
  gauge("lockstep_api_sockets", "Open WebSockets of the API.", openSockets);
  gauge(
    "lockstep_link_outage_number",
    "Rises with each interruption.",
    () => link()?.outageNumber ?? null,
  );
  gauge("lockstep_heartbeats_sent", "Heartbeats sent.", () => heartbeat()?.sent ?? null);
  gauge(
    "lockstep_heartbeats_received",
    "Heartbeats received.",
    () => heartbeat()?.received ?? null,
  );
  gauge("lockstep_heartbeats_missed", "Heartbeats missed.", () => heartbeat()?.missed ?? null);
  gauge(
    "lockstep_heartbeats_rejected",
    "Heartbeats dropped as false.",
    () => heartbeat()?.rejected ?? null,
  );
  gauge("lockstep_heartbeat_rtt_seconds", "Round-trip time.", () => {
    const rttMs = heartbeat()?.rttMs ?? null;
    return rttMs === null ? null : rttMs / 1000;
  });
  gauge(
    "lockstep_heartbeat_loss_out",
    "Lost share towards the peer.",
    () => heartbeat()?.lossOut ?? null,
  );
  gauge(
    "lockstep_heartbeat_loss_in",
    "Lost share from the peer.",
    () => heartbeat()?.lossIn ?? null,
  );
  stateGauge(registry, view);
  for (const [name, [help, figure]] of Object.entries(LUN_FIGURES)) {
    lunGauge(registry, view, name, help, figure);
  }
  return registry;
}

function stateGauge(registry: Registry, view: () => StatusView): void {
  new Gauge({
    name: "lockstep_link_state",
    help: "1 for the state of the link.",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      this.reset();
      const { status } = view();
      if (!status) return;
      for (const state of LinkState.options) {
        this.set({ state }, Number(status.link.state === state));
      }
    },
  });
  new Gauge({
    name: "lockstep_lun_state",
    help: "1 for the state of the LUN.",
    labelNames: ["lun", "role", "state"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, role, state: now } of view().status?.luns ?? []) {
        for (const state of LunState.options) {
          this.set({ lun: name, role, state }, Number(now === state));
        }
      }
    },
  });
}

function lunGauge(
  registry: Registry,
  view: () => StatusView,
  name: string,
  help: string,
  figure: LunFigure,
): void {
  new Gauge({
    name,
    help,
    labelNames: ["lun"],
    registers: [registry],
    collect() {
      this.reset();
      for (const lun of view().status?.luns ?? []) {
        const value = figure(lun);
        if (value !== null) this.set({ lun: lun.name }, value);
      }
    },
  });
}
