/**
 * Serial number arithmetic of CmdSN, StatSN and DataSN (RFC 7143 section 4.2.2.1, RFC 1982): 32 bits that wrap, where
 * "before" means less than half the circle behind.
 */

export function serialAdd(serial: number, increment: number): number {
  return (serial + increment) >>> 0;
}

/** Whether `a` comes before `b`. Undefined by the RFC at exactly half the circle; here that is false. */
export function serialBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0 && ((b - a) | 0) > 0;
}
