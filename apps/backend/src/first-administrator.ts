/**
 * The first user, made once in an empty database. There is no default password: it is given in the environment, or
 * made up, kept in the data folder for whoever can read that, and told once on standard output.
 */
import { join } from "node:path";
import { type Database, UserStore } from "@lockstep/db";
import { type Auth, createPasswordUser } from "./auth.ts";
import { readOrMakeSecret } from "./private-file.ts";

export const FIRST_ADMINISTRATOR = "admin";
const PASSWORD_FILE = "admin-password";
const PASSWORD_BYTES = 15;

export async function ensureAdministrator(
  database: Database,
  auth: Auth,
  dataFolder: string,
  given: string | null,
  tell: (line: string) => void,
): Promise<boolean> {
  if (!(await new UserStore(database).isEmpty())) return false;
  const path = join(dataFolder, PASSWORD_FILE);
  const password = given ?? (await readOrMakeSecret(path, PASSWORD_BYTES));
  await createPasswordUser(auth, { name: FIRST_ADMINISTRATOR, password, role: "admin" });
  if (given === null) tell(`sign in as ${FIRST_ADMINISTRATOR} with ${password} (kept in ${path})`);
  return true;
}
