/** `doctor`: what is wrong with this machine or pair, and what to do. Pure over the status, but for the free space. */
import fs from "node:fs";
import { type Finding, formatSize, type Status } from "@lockstep/model";

const LOW_SPACE_SHARE = 0.05;

export function findings(status: Status, dataFolder: string): Finding[] {
  const found = [...linkFindings(status), ...lunFindings(status), ...machineFindings(dataFolder)];
  if (status.processes.backend === null) {
    found.push({
      severity: "warning",
      subject: "backend",
      message: "the backend does not run: no console, and events wait in the spool",
      remedy: "look at log/backend.log in the data folder",
    });
  } else if (status.database !== "connected") {
    found.push({
      severity: "warning",
      subject: "database",
      message: "the database is away: LUNs are served, events wait in the spool",
      remedy: "look at log/backend.log in the data folder",
    });
  }
  if (found.length > 0) return found;
  return [{ severity: "ok", subject: "server", message: "nothing is wrong", remedy: null }];
}

function linkFindings({ link }: Status): Finding[] {
  if (link.state === "up") return [];
  if (link.state === "unpaired") {
    return [
      {
        severity: "warning",
        subject: "link",
        message: "this server has no peer: nothing is mirrored",
        remedy: "run `lockstep peer invite` here and `lockstep peer join CODE` on the other server",
      },
    ];
  }
  return [
    {
      severity: link.state === "interrupted" ? "error" : "warning",
      subject: "link",
      message: `the link to ${link.peer?.name ?? "the peer"} is ${link.state}`,
      remedy:
        link.state === "interrupted"
          ? `see whether the peer runs and ${link.peer?.address ?? "its address"} is reachable both ways`
          : null,
    },
  ];
}

function lunFindings({ luns }: Status): Finding[] {
  return luns
    .filter((lun) => lun.state !== "mirrored" && lun.state !== "unmirrored")
    .map((lun) => ({
      severity: "warning",
      subject: lun.name,
      message: `LUN "${lun.name}" is ${lun.state}${lun.reason === null ? "" : `: ${lun.reason}`}`,
      remedy: lun.state === "paused" ? `run \`lockstep lun resume ${lun.name}\`` : null,
    }));
}

function machineFindings(dataFolder: string): Finding[] {
  const { bavail, blocks, bsize } = fs.statfsSync(dataFolder);
  if (bavail >= blocks * LOW_SPACE_SHARE) return [];
  return [
    {
      severity: "warning",
      subject: "disk",
      message: `only ${formatSize(bavail * bsize)} are free under ${dataFolder}`,
      remedy: "free space before journals and thin LUNs run out of it",
    },
  ];
}
