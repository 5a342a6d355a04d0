/**
 * How PostgreSQL, which refuses to run as root, is run by root: as the user `nobody`, or, where that user cannot reach
 * the data or the programs (a parent folder is 0700), in a user namespace in which root itself bears nobody's number.
 * Which way works is tried, not guessed. A user who is not root runs it as it is. In all cases `setpriv` has the
 * kernel end it when its parent dies.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { promisify } from "node:util";
import { Failure } from "@lockstep/model";

const run = promisify(execFile);
/** SIGINT is PostgreSQL's fast shutdown: it ends sessions and leaves a clean folder. */
const DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "INT"];
const PROBE_TIMEOUT_MS = 20_000;

export interface Way {
  name: "plain" | "other-user" | "namespace";
  /** The command and arguments that go before those of the program. */
  prefix: string[];
  /** Who must own the data. */
  uid: number;
  gid: number;
  /** The name under which PostgreSQL sees connections that this process makes (peer authentication). */
  peerName: string;
}

export async function waysToRun(): Promise<Way[]> {
  const { uid, gid, username } = userInfo();
  if (uid !== 0) {
    const prefix = [...DIE_WITH_PARENT, "--"];
    return [{ name: "plain", prefix, uid, gid, peerName: username }];
  }
  const nobody = await findNobody();
  const ids = [`--reuid=${nobody.uid}`, `--regid=${nobody.gid}`, "--clear-groups"];
  return [
    {
      name: "other-user",
      prefix: [...DIE_WITH_PARENT, ...ids, "--"],
      uid: nobody.uid,
      gid: nobody.gid,
      peerName: username,
    },
    {
      name: "namespace",
      prefix: [
        "unshare",
        "--user",
        `--map-user=${nobody.uid}`,
        `--map-group=${nobody.gid}`,
        "--",
        ...DIE_WITH_PARENT,
        "--",
      ],
      uid: 0,
      gid: 0,
      peerName: nobody.name,
    },
  ];
}

/** Null when `program` runs this way and may write to `folder`; else why not, in one line. */
export async function probe(way: Way, program: string, folder: string): Promise<string | null> {
  const [command, ...prefix] = way.prefix;
  const script =
    'test -w "$1" && test -x "$1" || { echo "no access to $1" >&2; exit 1; }; exec "$0" --version';
  try {
    await run(command ?? "", [...prefix, "sh", "-c", script, program, folder], {
      timeout: PROBE_TIMEOUT_MS,
      cwd: "/",
    });
    return null;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return (stderr?.trim() || message).split("\n")[0] ?? message;
  }
}

async function findNobody(): Promise<{ name: string; uid: number; gid: number }> {
  const passwd = await readFile("/etc/passwd", "utf8");
  for (const line of passwd.split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name === "nobody") return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new Failure(
    "unavailable",
    "PostgreSQL does not run as root, and this machine has no user named nobody",
    "run Lockstep as another user, or set DATABASE_URL",
  );
}
