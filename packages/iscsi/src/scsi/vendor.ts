/** T10 vendor identification, at most 8 characters: in standard INQUIRY data and in unit names. */
export const VENDOR = "LOCKSTEP";
