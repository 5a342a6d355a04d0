/**
 * Whether a request comes from this server's own pages, or from no page at all. A browser tells the page's origin;
 * cookies alone prove nothing, because they are sent along from every port of the same host.
 */
import type { IncomingHttpHeaders } from "node:http";

export function isSameOrigin({ origin, host }: IncomingHttpHeaders): boolean {
  if (origin === undefined) return true;
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
}
