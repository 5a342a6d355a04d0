/** The release, as `status` tells it. */
export const VERSION = "0.1.0";
/** Versions of the servers' protocol that this release speaks, lowest and highest (SPEC L4). */
export const PROTOCOL_VERSIONS = { min: 1, max: 1 } as const;
