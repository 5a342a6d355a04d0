/**
 * The programs that the tests take from the system (Debian's names): initiators, network namespaces, a browser. They
 * are installed where that needs no password; else it is said exactly what to install.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.ts";

interface Need {
  package: string;
  isThere: () => boolean;
}

/** Administration tools are not in every user's PATH. */
const FOLDERS = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin", "/usr/bin", "/bin"];

const command = (name: string) => () => FOLDERS.some((folder) => existsSync(join(folder, name)));

/** qemu's iSCSI driver is a module in a folder named after the machine's architecture. */
function qemuSpeaksIscsi(): boolean {
  return readdirSync("/usr/lib", { withFileTypes: true }).some(
    (entry) =>
      entry.isDirectory() && existsSync(join("/usr/lib", entry.name, "qemu", "block-iscsi.so")),
  );
}

const NEEDS: readonly Need[] = [
  { package: "libiscsi-bin", isThere: command("iscsi-ls") },
  { package: "qemu-utils", isThere: command("qemu-io") },
  { package: "qemu-block-extra", isThere: qemuSpeaksIscsi },
  { package: "chromium", isThere: command("chromium") },
  { package: "nftables", isThere: command("nft") },
  { package: "iproute2", isThere: command("ip") },
  { package: "e2fsprogs", isThere: command("mkfs.ext4") },
  { package: "strace", isThere: command("strace") },
];

const missing = () => NEEDS.filter(({ isThere }) => !isThere()).map((need) => need.package);

/** Resolves to null when all is there, else to one sentence that says what to install. */
export async function ensureSystemPackages(): Promise<string | null> {
  const wanted = missing();
  if (wanted.length === 0) return null;
  const asRoot = await rootPrefix();
  if (asRoot !== null && existsSync("/usr/bin/apt-get")) {
    console.log(`installing ${wanted.join(" ")} …`);
    const apt = (...args: string[]) => {
      const [first = "", ...rest] = [
        ...asRoot,
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        ...args,
      ];
      return run(first, rest);
    };
    await apt("update", "-q");
    await apt("install", "-y", "-q", "--no-install-recommends", ...wanted);
  }
  const still = missing();
  if (still.length === 0) return null;
  return `needs ${still.join(", ")}: sudo apt-get update && sudo apt-get install -y ${still.join(" ")}`;
}

/** How to run something as root without being asked for a password; null when there is no way. */
async function rootPrefix(): Promise<string[] | null> {
  if (process.getuid?.() === 0) return [];
  const { status } = await run("sudo", ["-n", "true"], { output: "keep" });
  return status === 0 ? ["sudo", "-n"] : null;
}
