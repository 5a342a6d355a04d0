/** Small secrets in the data folder, each in a file that only this user reads. Written whole or not at all. */
import { randomBytes } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";

/** The content of `path`, or null when there is none. */
async function readPrivate(path: string): Promise<string | null> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

async function writePrivate(path: string, content: string): Promise<void> {
  const unfinished = `${path}.${randomBytes(4).toString("hex")}`;
  const file = await open(unfinished, "wx", 0o600);
  try {
    await file.writeFile(`${content}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
}

/** The secret in `path`, which is made up when there is none yet. */
export async function readOrMakeSecret(path: string, bytes: number): Promise<string> {
  const known = await readPrivate(path);
  if (known !== null && known !== "") return known;
  const made = randomBytes(bytes).toString("base64url");
  await writePrivate(path, made);
  return made;
}
