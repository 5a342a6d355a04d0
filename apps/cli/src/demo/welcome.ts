/** What the demo tells once all runs: where the consoles are, how to sign in, and lines to copy for a real host. */
import { relative } from "node:path";
import { formatSize, type Lun, type ServeOptions } from "@lockstep/model";
import type { Painter } from "../output/painter.ts";
import { lunState } from "../output/states.ts";
import { facts } from "../output/table.ts";
import { readPassword } from "../serve/first-password.ts";
import type { DemoPlan } from "./plan.ts";

export interface Consoles {
  alpha: boolean;
  beta: boolean;
}

export function welcome(
  plan: DemoPlan,
  lun: Lun | null,
  consoles: Consoles,
  paint: Painter,
): string {
  const rows: (readonly [string, string | null])[] = [
    ["alpha", consoleLine(plan.alpha, consoles.alpha, paint)],
    ["beta", consoleLine(plan.beta, consoles.beta, paint)],
    ["LUN", lun === null ? null : lunLine(lun, paint)],
    ["iSCSI", lun === null ? null : `${plan.alpha.iscsi[0]}  ${lun.target.iqn}`],
  ];
  return [
    paint(
      "bold",
      "Lockstep runs: two storage servers on this machine, each mirroring to the other.",
    ),
    indent(facts(rows, paint)),
    ...(lun === null ? [] : [paint("dim", "Be a host:"), indent(hostLines(plan, lun).join("\n"))]),
    paint("dim", "Watch it, and rehearse an outage:"),
    indent(commandLines(plan).join("\n")),
  ].join("\n\n");
}

function consoleLine(server: ServeOptions, isUp: boolean, paint: Painter): string {
  const password = readPassword(server.data);
  const signIn =
    password === null
      ? "sign in as admin"
      : `sign in as admin, password ${paint("bold", password)}`;
  const late = isUp ? "" : paint("yellow", `  (not up yet; see ${server.data}/log/backend.log)`);
  return `${paint("cyan", `http://${server.api}/`)}  ${signIn}${late}`;
}

function lunLine(lun: Lun, paint: Painter): string {
  const designation = lun.designated ? lun.mode : "not mirrored";
  return `${lun.name}, ${formatSize(lun.sizeBytes)}, ${designation}, ${lunState(lun.state, paint)}`;
}

function hostLines(plan: DemoPlan, lun: Lun): string[] {
  const portal = plan.alpha.iscsi[0] ?? "";
  const { iqn } = lun.target;
  const url = `iscsi://${portal}/${iqn}/${lun.number}`;
  return [
    `qemu-img info ${url}`,
    `qemu-io -f raw -c 'write -P 0x5a 0 1M' -c 'read -P 0x5a 0 1M' ${url}`,
    `sudo iscsiadm -m discovery -t sendtargets -p ${portal}`,
    `sudo iscsiadm -m node -T ${iqn} -p ${portal} --login`,
  ];
}

function commandLines(plan: DemoPlan): string[] {
  const nearby = relative(process.cwd(), plan.alpha.data);
  const data = nearby.startsWith("..") ? plan.alpha.data : nearby;
  return [
    `npx lockstep --data ${data} status`,
    `npx lockstep --data ${data} drill start --seconds 5`,
    `npx lockstep --data ${data} outage list`,
  ];
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
