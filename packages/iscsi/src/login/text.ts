/**
 * Text of Login and Text PDUs: `key=value` pairs, each ended by a NUL (RFC 7143 section 6.1). A text may come in
 * several PDUs and be cut anywhere, so pairs are read only once it is whole.
 */

export type TextPair = readonly [key: string, value: string];

/** Longest text that one negotiation step may have, over all its PDUs, in bytes. */
export const MAX_TEXT_BYTES = 64 * 1024;
/** Longest key name the RFC allows (section 6.1). */
const MAX_KEY_LENGTH = 63;

/** The pairs of a whole text, or null when it is none: a pair without `=`, or an illegal key. */
export function parseText(text: string): TextPair[] | null {
  const pairs: TextPair[] = [];
  for (const item of text.split("\0")) {
    if (item === "") continue;
    const equals = item.indexOf("=");
    const key = item.slice(0, equals);
    if (equals < 1 || key.length > MAX_KEY_LENGTH || !/^[A-Za-z0-9.\-+@_/]+$/.test(key))
      return null;
    pairs.push([key, item.slice(equals + 1)]);
  }
  return pairs;
}

export function formatText(pairs: readonly TextPair[]): string {
  return pairs.map(([key, value]) => `${key}=${value}\0`).join("");
}

/** A number as keys write it: decimal or hexadecimal; null when it is none or lies outside `min` to `max`. */
export function parseNumber(value: string, min: number, max: number): number | null {
  if (!/^(0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})$/.test(value)) return null;
  const number = Number(value);
  return number >= min && number <= max ? number : null;
}
