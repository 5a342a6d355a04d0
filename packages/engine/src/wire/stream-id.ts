/**
 * A stream's identity (SPEC W2): 64 random bits, held as two unsigned 32-bit halves so that the data path compares
 * numbers, not strings. Cold paths (files, JSON) write it as 16 hexadecimal digits.
 */
export interface StreamId {
  readonly hi: number;
  readonly lo: number;
}

export function formatStreamId(id: StreamId): string {
  return id.hi.toString(16).padStart(8, "0") + id.lo.toString(16).padStart(8, "0");
}

/** The stream that 16 hexadecimal digits name; throws where they are none. */
export function parseStreamId(text: string): StreamId {
  if (!/^[0-9a-f]{16}$/.test(text)) throw new Error(`"${text}" is no stream id`);
  return { hi: Number.parseInt(text.slice(0, 8), 16), lo: Number.parseInt(text.slice(8), 16) };
}

export function sameStream(a: StreamId, b: StreamId): boolean {
  return a.lo === b.lo && a.hi === b.hi;
}
