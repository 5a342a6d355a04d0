/** UUIDs between their text and the 16 bytes that travel (RFC 9562 section 4). */

export const UUID_BYTES = 16;

const PATTERN = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The 16 bytes of a UUID's text. Throws on anything else: ids are checked where they enter. */
export function uuidBytes(text: string): Uint8Array {
  if (!PATTERN.test(text)) throw new Error(`"${text}" is not a UUID`);
  const digits = text.replaceAll("-", "");
  const bytes = new Uint8Array(UUID_BYTES);
  for (let i = 0; i < UUID_BYTES; i++)
    bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

export function uuidText(bytes: Uint8Array, offset = 0): string {
  let text = "";
  for (let i = 0; i < UUID_BYTES; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
    text += (bytes[offset + i] ?? 0).toString(16).padStart(2, "0");
  }
  return text;
}

/** Negative, zero or positive, as the bytes of `a` sort before, with or after those of `b`. */
export function compareUuids(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < UUID_BYTES; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
