/**
 * Finds initiators that have vanished without a word: one timer for all sessions of a thread, which pings those from
 * which nothing came for a while, and closes those that don't answer. A login that takes too long is closed the same way.
 */
import type { Session } from "./session.ts";

export interface KeepaliveTimes {
  /** Silence after which an initiator is pinged, in milliseconds. */
  readonly pingAfterMs: number;
  /** Silence after which a connection is closed, in milliseconds. */
  readonly closeAfterMs: number;
}

const KEEPALIVE_DEFAULTS: KeepaliveTimes = { pingAfterMs: 10_000, closeAfterMs: 25_000 };
/** The timer runs this many times until a ping. */
const TICKS_UNTIL_PING = 5;

export class Keepalive {
  readonly #sessions: () => Iterable<Session>;
  readonly #tickMs: number;
  readonly #ticksUntilClose: number;
  #timer: NodeJS.Timeout | null = null;

  constructor(times: KeepaliveTimes = KEEPALIVE_DEFAULTS, sessions: () => Iterable<Session>) {
    this.#sessions = sessions;
    this.#tickMs = times.pingAfterMs / TICKS_UNTIL_PING;
    this.#ticksUntilClose = Math.ceil(times.closeAfterMs / this.#tickMs);
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref();
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  #tick(): void {
    let any = false;
    for (const session of [...this.#sessions()]) {
      any = true;
      const isLogin = session.phase === "login";
      // A login must be over in time, whatever comes.
      if (session.heard && !isLogin) {
        session.heard = false;
        session.silentTicks = 0;
        continue;
      }
      session.silentTicks++;
      if (session.silentTicks >= this.#ticksUntilClose) {
        session.close(isLogin ? "login-timeout" : "silent-initiator");
      } else if (session.silentTicks === TICKS_UNTIL_PING && !isLogin) session.ping();
    }
    if (!any) this.stop();
  }
}
