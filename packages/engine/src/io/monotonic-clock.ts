/**
 * The one clock of all times in the engine: CLOCK_MONOTONIC in milliseconds, with a fraction. Unlike `performance.now()` it
 * has the same origin in every thread and process, so that times can be compared across shared memory.
 */

export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
