/** The one logical block size that LUNs have, in bytes. Hosts see 512-byte sectors on 4 KiB physical blocks. */
export const LOGICAL_BLOCK_BYTES = 512;
export const PHYSICAL_BLOCK_BYTES = 4096;
/** Smallest and largest LUN, in bytes. */
export const MIN_LUN_BYTES = 1024 * 1024;
export const MAX_LUN_BYTES = 256 * 2 ** 40;
