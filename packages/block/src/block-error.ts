/**
 * The one map from the system's error codes to the block device's. What isn't named here counts as a failure of the
 * medium, the error that hosts take most seriously.
 */
import type { BlockError, BlockErrorCode } from "./device.ts";

const codes: Readonly<Record<string, BlockErrorCode>> = {
  ENOSPC: "no-space",
  EDQUOT: "no-space",
  EFBIG: "out-of-range",
  EROFS: "not-ready",
  EACCES: "not-ready",
  EPERM: "not-ready",
  EBADF: "not-ready",
  ENODEV: "not-ready",
  ENXIO: "not-ready",
};

/** The block error for a system error's name, e.g. "ENOSPC". */
export function blockErrorNamed(name: string, during: string): BlockError {
  return { code: codes[name] ?? "medium-error", detail: `${name} (${during})` };
}

/** The block error for what a call of `node:fs` threw; anything but a system error is a bug and is thrown on. */
export function blockErrorOf(thrown: unknown): BlockError {
  if (!(thrown instanceof Error) || !("code" in thrown) || !("syscall" in thrown)) throw thrown;
  return blockErrorNamed(String(thrown.code), String(thrown.syscall));
}

export const CLOSED: BlockError = { code: "not-ready", detail: "the device is closed" };
