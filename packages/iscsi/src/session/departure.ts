/**
 * A session on its way to another thread (SPEC S1): new commands are held back as the bytes they came in, those under way
 * end, and once all answers have left, the connection is given away with everything that is not carried out.
 */
import type { Socket } from "node:net";
import type { Session } from "./session.ts";
import type { SessionState } from "./session-state.ts";

export type Detach = (socket: Socket) => number | null;

export class Departure {
  readonly #session: Session;
  readonly #detach: Detach;
  #done: ((state: SessionState | null) => void) | null;

  constructor(session: Session, detach: Detach, done: (state: SessionState | null) => void) {
    this.#session = session;
    this.#detach = detach;
    this.#done = done;
  }

  /** Leaves if nothing is under way; called whenever something ended. */
  attempt(): void {
    const session = this.#session;
    if (this.#done === null || !session.mayDepart()) return;
    const buffered = session.socket.read() as Buffer | null;
    if (buffered) session.decoder.push(buffered);
    const done = this.#done;
    this.#done = null;
    const bytes = session.decoder.takeUndelivered();
    const fd = this.#detach(session.socket);
    session.close("moved");
    done(fd === null ? null : session.stateWith(fd, bytes));
  }

  /** The session ended before it could leave. */
  fail(): void {
    this.#done?.(null);
    this.#done = null;
  }
}
