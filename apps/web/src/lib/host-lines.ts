/** Lines to paste on a host, by initiator, that log in to a LUN and show it. */
import type { Lun } from "@lockstep/model";

export interface HostLines {
  initiator: string;
  /** Where the line is run, and what it does. */
  note: string;
  text: string;
}

export function hostLines({
  target,
  number,
  name,
}: Pick<Lun, "target" | "number" | "name">): HostLines[] {
  const portal = target.portals[0];
  if (portal === undefined) return [];
  const url = `iscsi://${portal}/${target.iqn}/${number}`;
  return [
    {
      initiator: "open-iscsi",
      note: "Linux kernel initiator, as root: discover, log in, find the disk",
      text: [
        `iscsiadm -m discovery -t sendtargets -p ${portal}`,
        `iscsiadm -m node -T ${target.iqn} -p ${portal} --login`,
        `ls -l /dev/disk/by-path/ip-${portal}-iscsi-${target.iqn}-lun-${number}`,
      ].join("\n"),
    },
    {
      initiator: "QEMU",
      note: "look at it, or give it to a guest as a disk",
      text: [
        `qemu-img info --image-opts driver=raw,file.driver=iscsi,file.transport=tcp,file.portal=${portal},file.target=${target.iqn},file.lun=${number}`,
        `qemu-system-x86_64 … -drive file=${url},format=raw,if=virtio,cache=none,id=${name}`,
      ].join("\n"),
    },
    {
      initiator: "libiscsi",
      note: "no kernel driver, no root: identify it and read its capacity",
      text: [`iscsi-inq ${url}`, `iscsi-readcapacity16 ${url}`].join("\n"),
    },
  ];
}
