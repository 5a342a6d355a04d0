/**
 * The first administrator's password: the backend makes a random one on its first start and keeps it in
 * `DIR/admin-password`; the supervisor, whose terminal the operator watches, tells it once, when that file appears.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { watchFor } from "./folder-watch.ts";

/** A backend that has not made it by then has one already, or its own troubles, which its log tells. */
const LOOK_FOR_MS = 120_000;

export function passwordPath(data: string): string {
  return join(data, "admin-password");
}

/** The password kept in the folder; null while there is none, or none that may be read. */
export function readPassword(data: string): string | null {
  try {
    return readFileSync(passwordPath(data), "utf8").trim() || null;
  } catch {
    return null;
  }
}

/** The password when it appears; null when one was there before, or none came. */
export async function newPassword(data: string, stop: AbortSignal): Promise<string | null> {
  if (readPassword(data) !== null) return null;
  const limit = AbortSignal.any([stop, AbortSignal.timeout(LOOK_FOR_MS)]);
  return watchFor(data, limit, () => readPassword(data));
}
