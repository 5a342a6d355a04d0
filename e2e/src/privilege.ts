/**
 * How this run may make network namespaces: as root, through password-less sudo, or in a user
 * namespace of its own. Where none of these goes, the tests that need it fail and say so.
 */
import { run } from "./processes.ts";

export type Privilege = "root" | "sudo" | "user-namespace";

let known: Promise<Privilege> | null = null;

async function succeeds(argv: readonly string[]): Promise<boolean> {
  try {
    return (await run(argv, { timeoutMs: 10_000 })).status === 0;
  } catch {
    return false;
  }
}

async function find(): Promise<Privilege> {
  if (process.getuid?.() === 0) return "root";
  if (await succeeds(["sudo", "-n", "true"])) return "sudo";
  if (await succeeds(["unshare", "-Urn", "true"])) return "user-namespace";
  throw new Error(
    "network namespaces are needed: run as root, or as a user with password-less sudo (sudo -n), " +
      "or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1)",
  );
}

export function privilege(): Promise<Privilege> {
  known ??= find();
  return known;
}
