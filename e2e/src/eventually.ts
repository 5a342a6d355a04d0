/**
 * Waiting for a condition, bounded in time. The product's own waits (`lun wait`, `link wait`) come
 * first; this is for what they do not tell, such as a figure that grows or a process that ends.
 */
import { setTimeout as delay } from "node:timers/promises";

const POLL_INTERVAL_MS = 100;

/**
 * Asks until the answer is neither null nor false; fails after `timeoutMs` with what was waited
 * for.
 */
export async function eventually<T>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<T | null | false> | T | null | false,
  intervalMs = POLL_INTERVAL_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await delay(intervalMs);
  }
}

/** The promise's value, or a failure that says what took longer than `timeoutMs`. */
export async function within<T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} took longer than ${timeoutMs} ms`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
