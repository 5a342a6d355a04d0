/**
 * What a process does when the one that launched it is gone: its IPC channel closes, whichever way that happened. A
 * supervisor under the launcher then ends as if it had been killed itself, and its server runs on (SPEC C4); the
 * demo's servers stop with the demo.
 */

/** The environment variable by which a launcher that holds an IPC channel says which of the two it wants. */
export const ON_ORPHANED = "LOCKSTEP_ON_ORPHANED";

export function followLauncher(stop: () => void): void {
  const wish = process.env[ON_ORPHANED];
  delete process.env[ON_ORPHANED];
  if (!process.connected || wish === undefined) return;
  process.on("disconnect", () => {
    if (wish === "stop") stop();
    else process.exit(1);
  });
  process.channel?.unref();
}
